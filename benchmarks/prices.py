"""What Lambda costs in us-east-1, in dollars: https://aws.amazon.com/lambda/pricing/"""

GB_SECOND = 0.0000133334  # arm64
GB_SECOND_X86 = 0.0000166667
INVOCATION = 0.20 / 1_000_000
