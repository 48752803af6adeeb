"""A simulation of AWS's resource provider: input checks, computed values, lifecycle and state, without AWS and without gRPC.

The sandbox's provider and the unit-test mocks share this library, so that a component test and `make up` refuse the same mistakes.
It never claims that AWS accepted something: it knows types, published limits and formats, and nothing about quotas, permissions or capacity.
"""
