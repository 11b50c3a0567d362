"""The AWS actions that recycling takes beside those of a sync: what its policy has to grant."""

RECYCLE_ACTIONS = frozenset(
    {
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:RegisterScalableTarget",
        "ecs:DescribeServices",
        "ecs:DescribeTasks",
        "ecs:GetTaskProtection",
        "ecs:StopTask",
        "ecs:TagResource",
        "ecs:UntagResource",
        "ecs:UpdateService",
        "elasticloadbalancing:DescribeTargetHealth",
        "secretsmanager:GetSecretValue",  # of the mail server's secret
        "sns:Publish",
    }
)
# Messages only, which the tests of the function itself send.
MESSAGES = frozenset({"secretsmanager:GetSecretValue", "sns:Publish"})
SYNC_ACTIONS = frozenset({"ecs:ListTasks", "ecs:DescribeTasks"})
