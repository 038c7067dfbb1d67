//! The service integrations that Step Functions has of its own ("Integrating optimized services").
//! Any other call of a service is written `aws-sdk:<service>:<action>`.

use super::Pattern;

/// The patterns that an integration has besides request-response.
#[derive(Clone, Copy)]
struct More {
    job: bool,
    token: bool,
}

const CALL: More = More { job: false, token: false };
const JOB: More = More { job: true, token: false };
const TOKEN: More = More { job: false, token: true };
const ALL: More = More { job: true, token: true };

/// Service, actions, and what these have besides request-response.
const INTEGRATIONS: &[(&str, &[&str], More)] = &[
    ("apigateway", &["invoke"], TOKEN),
    ("athena", &["startQueryExecution"], JOB),
    ("athena", &["getQueryExecution", "getQueryResults", "stopQueryExecution"], CALL),
    ("batch", &["submitJob"], JOB),
    ("bedrock", &["createModelCustomizationJob", "invokeModel"], ALL),
    ("bedrockagentcore", &["invokeHarness"], CALL),
    ("codebuild", &["retryBuildBatch", "startBuild", "startBuildBatch"], JOB),
    (
        "codebuild",
        &[
            "batchDeleteBuilds",
            "batchGetReports",
            "deleteBuildBatch",
            "stopBuild",
            "stopBuildBatch",
        ],
        CALL,
    ),
    ("databrew", &["startJobRun"], JOB),
    ("dynamodb", &["deleteItem", "getItem", "putItem", "updateItem"], CALL),
    ("ecs", &["runTask"], ALL),
    (
        "eks",
        &[
            "call",
            "createCluster",
            "createFargateProfile",
            "createNodegroup",
            "deleteCluster",
            "deleteFargateProfile",
            "deleteNodegroup",
            "runJob",
        ],
        ALL,
    ),
    ("elasticmapreduce", &["addStep", "createCluster", "terminateCluster"], JOB),
    (
        "elasticmapreduce",
        &[
            "cancelStep",
            "modifyInstanceFleetByName",
            "modifyInstanceGroupByName",
            "setClusterTerminationProtection",
        ],
        CALL,
    ),
    ("emr-containers", &["createVirtualCluster", "deleteVirtualCluster", "startJobRun"], JOB),
    (
        "emr-serverless",
        &[
            "cancelJobRun",
            "createApplication",
            "deleteApplication",
            "startApplication",
            "startJobRun",
            "stopApplication",
        ],
        JOB,
    ),
    ("events", &["putEvents"], TOKEN),
    ("glue", &["startJobRun"], JOB),
    ("http", &["invoke"], CALL),
    ("lambda", &["invoke"], TOKEN),
    ("mediaconvert", &["createJob"], JOB),
    (
        "sagemaker",
        &[
            "createHyperParameterTuningJob",
            "createLabelingJob",
            "createProcessingJob",
            "createTrainingJob",
            "createTransformJob",
        ],
        JOB,
    ),
    (
        "sagemaker",
        &["createEndpoint", "createEndpointConfig", "createModel", "updateEndpoint"],
        CALL,
    ),
    ("sns", &["publish"], TOKEN),
    ("sqs", &["sendMessage"], TOKEN),
    ("states", &["startExecution"], ALL),
];

/// Whether AWS has an integration of this service, action and pattern. What its SDKs call is not
/// listed here: AWS alone knows all of it.
pub(super) fn is_known(service: &str, action: &str, pattern: Pattern) -> bool {
    let more = match service.strip_prefix("aws-sdk:") {
        Some(_) => Some(TOKEN),
        None => {
            let found = INTEGRATIONS
                .iter()
                .find(|(known, actions, _)| *known == service && actions.contains(&action));
            found.map(|(_, _, more)| *more)
        }
    };
    more.is_some_and(|more| match pattern {
        Pattern::RequestResponse => true,
        Pattern::RunJob | Pattern::RunJobParsed => more.job,
        Pattern::WaitForTaskToken => more.token,
    })
}
