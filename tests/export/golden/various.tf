# The workflow fulfil-orders, its functions, and what they may do.
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

resource "aws_sfn_state_machine" "fulfil_orders_state_machine" {
  name       = "fulfil-orders"
  type       = "EXPRESS"
  definition = file("${path.module}/fulfil.asl.json")
  role_arn   = aws_iam_role.fulfil_orders_state_machine.arn

  logging_configuration {
    level                  = "ALL"
    include_execution_data = true
    log_destination        = "arn:aws:logs:eu-west-1:210987654321:log-group:all:*"
  }

  depends_on = [aws_iam_role_policy.fulfil_orders_state_machine]
}

data "aws_iam_policy_document" "fulfil_orders_state_machine_trust" {
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
      values   = ["arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:fulfil-orders"]
    }
  }
}

resource "aws_iam_role" "fulfil_orders_state_machine" {
  name_prefix        = "fulfil-orders-state-machine-"
  assume_role_policy = data.aws_iam_policy_document.fulfil_orders_state_machine_trust.json
}

data "aws_iam_policy_document" "fulfil_orders_state_machine" {
  # The state Audit.
  statement {
    sid       = "Audit"
    actions   = ["sns:Publish"]
    resources = ["arn:aws:sns:eu-west-1:210987654321:audit"]
  }

  # The state Tell.
  statement {
    sid       = "Tell"
    actions   = ["sns:Publish"]
    resources = ["arn:${local.partition}:sns:${local.region}:${local.account}:packed.fifo"]
  }

  # The state Pack.
  statement {
    sid       = "Pack"
    actions   = ["lambda:InvokeFunction"]
    resources = ["arn:${local.partition}:lambda:${local.region}:${local.account}:function:pack"]
  }

  # The state Pick.
  statement {
    sid       = "Pick"
    actions   = ["lambda:InvokeFunction"]
    resources = ["arn:${local.partition}:lambda:${local.region}:${local.account}:function:pick-item:live"]
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
}

resource "aws_iam_role_policy" "fulfil_orders_state_machine" {
  name   = "stepyard"
  role   = aws_iam_role.fulfil_orders_state_machine.id
  policy = data.aws_iam_policy_document.fulfil_orders_state_machine.json
}

output "fulfil_orders_state_machine_arn" {
  value = aws_sfn_state_machine.fulfil_orders_state_machine.arn
}

resource "aws_lambda_function" "pack_function" {
  function_name    = "pack"
  runtime          = "provided.al2023"
  architectures    = ["arm64"]
  handler          = "bootstrap"
  filename         = "${path.module}/zips/pack.zip"
  source_code_hash = filebase64sha256("${path.module}/zips/pack.zip")
  memory_size      = 128
  timeout          = 11
  role             = aws_iam_role.pack_function.arn

  environment {
    variables = {
      STEPYARD_STEP = "pack"
    }
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.pack_function.name
  }

  depends_on = [aws_iam_role_policy.pack_function]
}

resource "aws_cloudwatch_log_group" "pack_function" {
  name              = "/aws/lambda/pack"
  retention_in_days = 30
}

data "aws_iam_policy_document" "pack_function_trust" {
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

resource "aws_iam_role" "pack_function" {
  name_prefix        = "pack-function-"
  assume_role_policy = data.aws_iam_policy_document.pack_function_trust.json
}

data "aws_iam_policy_document" "pack_function" {
  # The function's log, in streams that Lambda names.
  statement {
    sid       = "OwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/pack:*"]
  }
}

resource "aws_iam_role_policy" "pack_function" {
  name   = "stepyard"
  role   = aws_iam_role.pack_function.id
  policy = data.aws_iam_policy_document.pack_function.json
}

resource "aws_lambda_function" "pick_item_function" {
  function_name                  = "pick-item"
  runtime                        = "provided.al2023"
  architectures                  = ["arm64"]
  handler                        = "bootstrap"
  filename                       = "${path.module}/zips/pick-item.zip"
  source_code_hash               = filebase64sha256("${path.module}/zips/pick-item.zip")
  memory_size                    = 264
  timeout                        = 4
  reserved_concurrent_executions = 5
  publish                        = true
  role                           = aws_iam_role.pick_item_function.arn

  environment {
    variables = {
      STEPYARD_STEP = "pick-item"
    }
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.pick_item_function.name
  }

  depends_on = [aws_iam_role_policy.pick_item_function]
}

resource "aws_lambda_alias" "pick_item_function" {
  name             = "live"
  function_name    = aws_lambda_function.pick_item_function.function_name
  function_version = aws_lambda_function.pick_item_function.version
}

resource "aws_cloudwatch_log_group" "pick_item_function" {
  name              = "/aws/lambda/pick-item"
  retention_in_days = 30
}

data "aws_iam_policy_document" "pick_item_function_trust" {
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

resource "aws_iam_role" "pick_item_function" {
  name_prefix        = "pick-item-function-"
  assume_role_policy = data.aws_iam_policy_document.pick_item_function_trust.json
}

data "aws_iam_policy_document" "pick_item_function" {
  # The function's log, in streams that Lambda names.
  statement {
    sid       = "OwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/pick-item:*"]
  }

  # The grant keyvalue of pick-item: to read and write the bucket shelf.v2.
  statement {
    sid = "KeyvalueShelfV2"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
    ]
    resources = ["arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/shop.shelf.2Ev2"]
  }

  # The grant keyvalue of pick-item: to read the bucket stock.
  statement {
    sid       = "KeyvalueStock"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"]
    resources = ["arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/shop.stock"]
  }

  # The grant mail of pick-item.
  statement {
    sid       = "Mail"
    actions   = ["ses:SendEmail", "ses:SendRawEmail"]
    resources = ["arn:${local.partition}:ses:${local.region}:${local.account}:identity/shop@b.example"]

    condition {
      test     = "StringLike"
      variable = "ses:FromAddress"
      values   = ["shop@b.example"]
    }

    condition {
      test     = "ForAllValues:StringLike"
      variable = "ses:Recipients"
      values   = ["*@example.com", "a@b.example"]
    }
  }
}

resource "aws_iam_role_policy" "pick_item_function" {
  name   = "stepyard"
  role   = aws_iam_role.pick_item_function.id
  policy = data.aws_iam_policy_document.pick_item_function.json
}

resource "aws_sns_topic" "packed_topic" {
  name       = "packed.fifo"
  fifo_topic = true
}

output "packed_topic_arn" {
  value = aws_sns_topic.packed_topic.arn
}

# The bucket shelf.v2.
resource "aws_dynamodb_table" "shelf_v2_table" {
  name                        = "shop.shelf.2Ev2"
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

# The bucket stock.
resource "aws_dynamodb_table" "stock_table" {
  name                        = "shop.stock"
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
