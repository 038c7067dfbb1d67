# The workflow order, its functions, and what they may do.
# Written by `stepyard export terraform` from stepyard.toml. Change that and export again.

terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region
  account   = data.aws_caller_identity.current.account_id
}

variable "protect_tables" {
  description = "Whether tables refuse to be deleted."
  type        = bool
  default     = true
}

resource "aws_sfn_state_machine" "order_state_machine" {
  name       = "order"
  type       = "STANDARD"
  definition = file("${path.module}/../../workflow.asl.json")
  role_arn   = aws_iam_role.order_state_machine.arn

  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.order_state_machine.arn}:*"
  }

  tracing_configuration {
    enabled = true
  }

  depends_on = [aws_iam_role_policy.order_state_machine]
}

resource "aws_cloudwatch_log_group" "order_state_machine" {
  name              = "/aws/vendedlogs/states/order"
  retention_in_days = 30
}

data "aws_iam_policy_document" "order_state_machine_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:order"]
    }
  }
}

resource "aws_iam_role" "order_state_machine" {
  name_prefix        = "order-state-machine-"
  assume_role_policy = data.aws_iam_policy_document.order_state_machine_trust.json
}

data "aws_iam_policy_document" "order_state_machine" {
  # The state ReceiveOrder.
  statement {
    sid       = "ReceiveOrder"
    actions   = ["lambda:InvokeFunction"]
    resources = ["arn:${local.partition}:lambda:${local.region}:${local.account}:function:ReceiveOrder"]
  }

  # The states CheckInventory and ReleaseReservation.
  statement {
    sid       = "CheckInventoryAndReleaseReservation"
    actions   = ["lambda:InvokeFunction"]
    resources = ["arn:${local.partition}:lambda:${local.region}:${local.account}:function:CheckInventory"]
  }

  # The state ChargePayment.
  statement {
    sid       = "ChargePayment"
    actions   = ["lambda:InvokeFunction"]
    resources = ["arn:${local.partition}:lambda:${local.region}:${local.account}:function:ChargePayment"]
  }

  # The state SendConfirmation.
  statement {
    sid       = "SendConfirmation"
    actions   = ["lambda:InvokeFunction"]
    resources = ["arn:${local.partition}:lambda:${local.region}:${local.account}:function:SendConfirmation"]
  }

  # The state NotifyCustomer.
  statement {
    sid       = "NotifyCustomer"
    actions   = ["sns:Publish"]
    resources = ["arn:${local.partition}:sns:${local.region}:${local.account}:order-notifications"]
  }

  # The state machine's logging. AWS has no narrower resource for these actions.
  statement {
    sid = "LogDelivery"
    actions = [
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
    ]
    resources = ["*"]
  }

  # The state machine's tracing. AWS has no narrower resource for these actions.
  statement {
    sid = "Tracing"
    actions = [
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "order_state_machine" {
  name   = "stepyard"
  role   = aws_iam_role.order_state_machine.id
  policy = data.aws_iam_policy_document.order_state_machine.json
}

output "order_state_machine_arn" {
  value = aws_sfn_state_machine.order_state_machine.arn
}

resource "aws_lambda_function" "charge_payment_function" {
  function_name    = "ChargePayment"
  runtime          = "provided.al2023"
  architectures    = ["x86_64"]
  handler          = "bootstrap"
  filename         = "${path.module}/packages/ChargePayment.zip"
  source_code_hash = filebase64sha256("${path.module}/packages/ChargePayment.zip")
  memory_size      = 128
  timeout          = 29
  role             = aws_iam_role.charge_payment_function.arn

  environment {
    variables = {
      STEPYARD_STEP = "ChargePayment"
    }
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.charge_payment_function.name
  }

  tracing_config {
    mode = "Active"
  }

  depends_on = [aws_iam_role_policy.charge_payment_function]
}

resource "aws_cloudwatch_log_group" "charge_payment_function" {
  name              = "/aws/lambda/ChargePayment"
  retention_in_days = 30
}

data "aws_iam_policy_document" "charge_payment_function_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "charge_payment_function" {
  name_prefix        = "charge-payment-function-"
  assume_role_policy = data.aws_iam_policy_document.charge_payment_function_trust.json
}

data "aws_iam_policy_document" "charge_payment_function" {
  # The function's log, in streams that Lambda names.
  statement {
    sid       = "OwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/ChargePayment:*"]
  }

  # The function's tracing. AWS has no narrower resource for these actions.
  statement {
    sid       = "Tracing"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }

  # The grant keyvalue of ChargePayment: to read and write the bucket ledger.
  statement {
    sid = "KeyvalueLedger"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
    ]
    resources = ["arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/stepyard-ledger"]
  }

  # The secret STRIPE_KEY, for the grant http of ChargePayment.
  statement {
    sid       = "SecretSTRIPEKEY"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = ["arn:${local.partition}:secretsmanager:${local.region}:${local.account}:secret:stepyard/stripe-key-??????"]
  }
}

resource "aws_iam_role_policy" "charge_payment_function" {
  name   = "stepyard"
  role   = aws_iam_role.charge_payment_function.id
  policy = data.aws_iam_policy_document.charge_payment_function.json
}

resource "aws_lambda_function" "check_inventory_function" {
  function_name    = "CheckInventory"
  runtime          = "provided.al2023"
  architectures    = ["x86_64"]
  handler          = "bootstrap"
  filename         = "${path.module}/packages/CheckInventory.zip"
  source_code_hash = filebase64sha256("${path.module}/packages/CheckInventory.zip")
  memory_size      = 128
  timeout          = 11
  role             = aws_iam_role.check_inventory_function.arn

  environment {
    variables = {
      STEPYARD_STEP = "CheckInventory"
    }
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.check_inventory_function.name
  }

  tracing_config {
    mode = "Active"
  }

  depends_on = [aws_iam_role_policy.check_inventory_function]
}

resource "aws_cloudwatch_log_group" "check_inventory_function" {
  name              = "/aws/lambda/CheckInventory"
  retention_in_days = 30
}

data "aws_iam_policy_document" "check_inventory_function_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "check_inventory_function" {
  name_prefix        = "check-inventory-function-"
  assume_role_policy = data.aws_iam_policy_document.check_inventory_function_trust.json
}

data "aws_iam_policy_document" "check_inventory_function" {
  # The function's log, in streams that Lambda names.
  statement {
    sid       = "OwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/CheckInventory:*"]
  }

  # The function's tracing. AWS has no narrower resource for these actions.
  statement {
    sid       = "Tracing"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }

  # The grant keyvalue of CheckInventory: to read and write the bucket inventory.
  statement {
    sid = "KeyvalueInventory"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
    ]
    resources = ["arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/stepyard-inventory"]
  }
}

resource "aws_iam_role_policy" "check_inventory_function" {
  name   = "stepyard"
  role   = aws_iam_role.check_inventory_function.id
  policy = data.aws_iam_policy_document.check_inventory_function.json
}

resource "aws_lambda_function" "receive_order_function" {
  function_name    = "ReceiveOrder"
  runtime          = "provided.al2023"
  architectures    = ["x86_64"]
  handler          = "bootstrap"
  filename         = "${path.module}/packages/ReceiveOrder.zip"
  source_code_hash = filebase64sha256("${path.module}/packages/ReceiveOrder.zip")
  memory_size      = 128
  timeout          = 11
  role             = aws_iam_role.receive_order_function.arn

  environment {
    variables = {
      STEPYARD_STEP = "ReceiveOrder"
    }
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.receive_order_function.name
  }

  tracing_config {
    mode = "Active"
  }

  depends_on = [aws_iam_role_policy.receive_order_function]
}

resource "aws_cloudwatch_log_group" "receive_order_function" {
  name              = "/aws/lambda/ReceiveOrder"
  retention_in_days = 30
}

data "aws_iam_policy_document" "receive_order_function_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "receive_order_function" {
  name_prefix        = "receive-order-function-"
  assume_role_policy = data.aws_iam_policy_document.receive_order_function_trust.json
}

data "aws_iam_policy_document" "receive_order_function" {
  # The function's log, in streams that Lambda names.
  statement {
    sid       = "OwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/ReceiveOrder:*"]
  }

  # The function's tracing. AWS has no narrower resource for these actions.
  statement {
    sid       = "Tracing"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "receive_order_function" {
  name   = "stepyard"
  role   = aws_iam_role.receive_order_function.id
  policy = data.aws_iam_policy_document.receive_order_function.json
}

resource "aws_lambda_function" "send_confirmation_function" {
  function_name    = "SendConfirmation"
  runtime          = "provided.al2023"
  architectures    = ["x86_64"]
  handler          = "bootstrap"
  filename         = "${path.module}/packages/SendConfirmation.zip"
  source_code_hash = filebase64sha256("${path.module}/packages/SendConfirmation.zip")
  memory_size      = 128
  timeout          = 29
  role             = aws_iam_role.send_confirmation_function.arn

  environment {
    variables = {
      STEPYARD_STEP = "SendConfirmation"
    }
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.send_confirmation_function.name
  }

  tracing_config {
    mode = "Active"
  }

  depends_on = [aws_iam_role_policy.send_confirmation_function]
}

resource "aws_cloudwatch_log_group" "send_confirmation_function" {
  name              = "/aws/lambda/SendConfirmation"
  retention_in_days = 30
}

data "aws_iam_policy_document" "send_confirmation_function_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "send_confirmation_function" {
  name_prefix        = "send-confirmation-function-"
  assume_role_policy = data.aws_iam_policy_document.send_confirmation_function_trust.json
}

data "aws_iam_policy_document" "send_confirmation_function" {
  # The function's log, in streams that Lambda names.
  statement {
    sid       = "OwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/SendConfirmation:*"]
  }

  # The function's tracing. AWS has no narrower resource for these actions.
  statement {
    sid       = "Tracing"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }

  # The grant keyvalue of SendConfirmation: to read and write the bucket inventory.
  statement {
    sid = "KeyvalueInventory"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
    ]
    resources = ["arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/stepyard-inventory"]
  }

  # The grant mail of SendConfirmation.
  statement {
    sid       = "Mail"
    actions   = ["ses:SendEmail", "ses:SendRawEmail"]
    resources = ["arn:${local.partition}:ses:${local.region}:${local.account}:identity/stepyard.example"]

    condition {
      test     = "StringLike"
      variable = "ses:FromAddress"
      values   = ["*@stepyard.example"]
    }
  }
}

resource "aws_iam_role_policy" "send_confirmation_function" {
  name   = "stepyard"
  role   = aws_iam_role.send_confirmation_function.id
  policy = data.aws_iam_policy_document.send_confirmation_function.json
}

resource "aws_sns_topic" "order_notifications_topic" {
  name = "order-notifications"
}

output "order_notifications_topic_arn" {
  value = aws_sns_topic.order_notifications_topic.arn
}

# The bucket inventory.
resource "aws_dynamodb_table" "inventory_table" {
  name                        = "stepyard-inventory"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "bucket"
  range_key                   = "key"
  deletion_protection_enabled = var.protect_tables

  attribute {
    name = "bucket"
    type = "S"
  }

  attribute {
    name = "key"
    type = "S"
  }
}

# The bucket ledger.
resource "aws_dynamodb_table" "ledger_table" {
  name                        = "stepyard-ledger"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "bucket"
  range_key                   = "key"
  deletion_protection_enabled = var.protect_tables

  attribute {
    name = "bucket"
    type = "S"
  }

  attribute {
    name = "key"
    type = "S"
  }
}
