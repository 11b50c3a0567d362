#!/usr/bin/env bash
# Packages and deploys build/lambda.zip with the AWS CLI; asks for what is missing.
#   BUCKET=my-bucket STACK=lobby-list PARAMETERS="RedisTls=true LogLevel=WARNING" make deploy
set -euo pipefail
cd "$(dirname "$0")/.."

STACK=${STACK:-ecs-task-discovery}
TEMPLATE=${TEMPLATE:-template.yaml}
PACKAGED=build/packaged.yaml

stop() { echo "deploy: $*" >&2; exit 1; }

ask() { # NAME WHAT IT IS: sets $answer
    [ -t 0 ] || stop "$1 is missing (${*:2}) and there is nobody to ask: see docs/deploy.md"
    read -r -p "$1 (${*:2}): " answer
    [ -n "$answer" ] || stop "$1 is missing (${*:2})"
}

command -v aws >/dev/null || stop "the AWS CLI is missing: install it"
who=$(aws sts get-caller-identity --query Arn --output text 2>&1) ||
    stop "AWS does not let you in: $(tr -s '[:space:]' ' ' <<<"$who")"
echo "deploying $STACK as $who"
if [ -z "${BUCKET:-}" ]; then
    ask BUCKET "an S3 bucket of this region, for the zip"
    BUCKET=$answer
fi

# What an update does not name stays as it is; a new stack needs whatever has no default.
# With SnapStart each deployment publishes a version: Release is new each time.
release=$(date -u +%Y-%m-%dT%H:%M:%SZ)
# Parameters may stand on several lines: without a delimiter read takes all, and returns 1.
read -r -d '' -a given <<<"Runtime=python${PYTHON_VERSION:-3.13} Release=$release ${PARAMETERS:-}" || true
known=$(aws cloudformation describe-stacks --stack-name "$STACK" \
    --query 'Stacks[0].Parameters[].ParameterKey' --output text 2>/dev/null | tr '\t' ' ') || known=
has() { [[ " ${given[*]}" == *" $1="* || " $known " == *" $1 "* ]]; }
needed=$(awk '
    function show() { if (name && !preset) print name "\t" what }
    /^[A-Z]/ { show(); name = ""; on = /^Parameters:/ }
    on && /^  [A-Za-z0-9]+:/ { show(); name = $1; sub(":", "", name); preset = 0; what = "" }
    on && /Default:/ { preset = 1 }
    on && /Description: / { what = $0; sub(/.*Description: /, "", what); sub(/ }$/, "", what) }
' "$TEMPLATE")
has SecurityGroupId || needed+=$'\nTaskSecurityGroupId\tSecurity group of the tasks
RedisSecurityGroupId\tSecurity group of Redis'
while IFS=$'\t' read -r name what <&3; do
    has "$name" || { ask "$name" "$what"; given+=("$name=$answer"); }
done 3<<<"$needed"

mkdir -p build
aws cloudformation package --template-file "$TEMPLATE" --s3-bucket "$BUCKET" \
    --s3-prefix "$STACK" --output-template-file "$PACKAGED" >build/package.log 2>&1 ||
    stop "the zip could not be put into $BUCKET: $(tail -n 1 build/package.log)"
if ! aws cloudformation deploy --template-file "$PACKAGED" --stack-name "$STACK" \
    --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset --parameter-overrides "${given[@]}"
then
    reason=$(aws cloudformation describe-stack-events --stack-name "$STACK" --output text --query \
        "StackEvents[?contains(ResourceStatus, 'FAILED') && !contains(ResourceStatusReason || '', \
        'cancelled')] | [0].[LogicalResourceId, ResourceStatusReason]" 2>/dev/null) || reason=
    stop "$STACK was not deployed, and is as it was. ${reason//$'\t'/: }"
fi
aws cloudformation describe-stacks --stack-name "$STACK" \
    --query 'Stacks[0].Outputs[].[OutputKey, OutputValue]' --output text
