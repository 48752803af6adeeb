"""Rollouts as operations: what a stack's services run, what ECS makes of a deployment, and starting, holding and stopping one."""
