"""What runs inside AWS and at a desk alike: the standard library and boto3, and no other room of ours.

`infra.components.function.Code.shared` packs single modules of this room into a Lambda function's archive; the image of the watchdog
holds the room as a whole.
"""
