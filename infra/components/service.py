"""A stateless service behind the load balancer, rolled out by ECS itself (DESIGN.md decision 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.cluster import Cluster
from infra.components.rollout_hook import RolloutHook
from infra.components.task import Task, service_connect
from infra.plan.flows import Role
from infra.plan.iam import canonical, trust
from infra.plan.rollout import GRACE_SECONDS, RolloutPlan, Strategy, plan
from infra.plan.tasks import http_probe
from infra.settings.workloads import WebService

_LOAD_BALANCER_POLICY = "AmazonECSInfrastructureRolePolicyForLoadBalancers"

_OWNED_BY_ECS = [
    # Autoscaling and ECS count the tasks.
    "desired_count",
    # ECS decides which slot is production. Nothing shows that it ever reports the pair the other way round, but sending
    # the pair back in the old order would start a deployment (hashicorp/terraform-provider-aws#45678); container, port,
    # listener rules and role stay ours. Nested paths are camelCase: only top-level names are translated.
    "loadBalancers[0].targetGroupArn",
    "loadBalancers[0].advancedConfiguration.alternateTargetGroupArn",
]


class Route(Protocol):
    """What a service needs of its route: two slots, and the two rules whose weights ECS shifts."""

    blue: aws.lb.TargetGroup
    green: aws.lb.TargetGroup
    production_rule: aws.lb.ListenerRule
    test_rule: aws.lb.ListenerRule


def _minutes(count: int) -> str:
    return f"{count}m"


class Service(Component):
    """Fargate tasks with native blue-green rollout, deployment alarms that roll back, and autoscaling."""

    token = "service"

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        role: Role,
        settings: WebService,
        cluster: Cluster,
        image: pulumi.Input[str],
        port: int,
        health_path: str,
        environment: Mapping[str, pulumi.Input[str]],
        secrets: Mapping[str, pulumi.Input[str]],
        secret_key_arn: pulumi.Input[str],
        subnet_ids: Sequence[pulumi.Input[str]],
        group_id: pulumi.Input[str],
        route: Route,
        log_key_arn: pulumi.Input[str],
        alarm_names: Sequence[pulumi.Input[str]],
        hook: RolloutHook,
        policies: Mapping[str, pulumi.Input[str]] | None = None,
        discovery_name: str | None = None,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the service.

        Args:
            name: Logical name.
            ctx: The stack.
            role: Gives the container's, the service's and the log group's name.
            settings: Size, task counts, autoscaling targets and the rollout.
            cluster: Where it runs.
            image: ECR image by digest.
            port: TCP port of the container.
            health_path: Path that answers 200 when the task may take traffic.
            environment: Plain variables.
            secrets: Variable to secret ARN (`:json-key::` allowed).
            secret_key_arn: KMS key of the secrets.
            subnet_ids: Private subnets, one a zone.
            group_id: Security group of the tasks.
            route: Target groups and listener rules.
            log_key_arn: KMS key of the log group.
            alarm_names: Alarms that roll a deployment back; they must exist, so pass the alarms' outputs.
            hook: The function that holds the rollout.
            policies: Inline policies of the task role by name.
            discovery_name: Joins Service Connect as server and client under this name. All traffic then passes a proxy in
                the task, so leave it None unless another task calls this one.
            after: Further resources that must exist first.
            opts: Options of the component.

        Raises:
            ValueError: a size that Fargate does not offer, more minimum than maximum tasks, no deployment alarm, or a
                rollout that ECS cannot express.
        """
        super().__init__(name, ctx, opts)
        if settings.min_tasks > settings.max_tasks:
            raise ValueError(f"services.{role.value}.minTasks = {settings.min_tasks} is above maxTasks = {settings.max_tasks}")
        if not alarm_names:
            raise ValueError(f"the service {role.value} needs at least one alarm that rolls its deployments back")
        self.plan = plan(settings.rollout.steps, hold_minutes=settings.rollout.hold_minutes, bake_minutes=settings.rollout.bake_minutes)
        self.service_name = ctx.names(role.value)
        """Physical name, known before the service exists: alarms name it."""
        self.task = Task(
            f"{name}-task",
            ctx,
            settings=settings,
            image=image,
            environment=environment,
            secrets=secrets,
            secret_key_arn=secret_key_arn,
            log_key_arn=log_key_arn,
            container_name=role.value,
            port=port,
            health=http_probe(port, health_path),
            policies=policies,
            opts=self.child(),
        )
        shifter = aws.iam.Role(
            f"{name}-shift-role",
            name=ctx.names(role.value, "shift", limit=64),
            description=f"With which ECS shifts traffic of {role.value} between its target groups",
            assume_role_policy=trust("ecs.amazonaws.com"),
            opts=self.child(),
        )
        may_shift = aws.iam.RolePolicyAttachment(
            f"{name}-shift-policy",
            role=shifter.name,
            policy_arn=f"arn:{ctx.partition}:iam::aws:policy/{_LOAD_BALANCER_POLICY}",
            opts=self.child(),
        )
        lasts = -(-self.plan.total_seconds // 60) + 30
        self.service = aws.ecs.Service(
            f"{name}-service",
            name=self.service_name,
            cluster=cluster.arn,
            task_definition=self.task.arn,
            desired_count=settings.min_tasks,
            capacity_provider_strategies=[{"capacity_provider": "FARGATE", "base": 1, "weight": 1}],
            platform_version="LATEST",
            scheduling_strategy="REPLICA",
            availability_zone_rebalancing="ENABLED",
            network_configuration={"subnets": list(subnet_ids), "security_groups": [group_id], "assign_public_ip": False},
            deployment_controller={"type": "ECS"},
            deployment_configuration=_deployment(self.plan, hook, alarm_names),
            # The API's reference calls the breaker rolling-only, the guide on failure detection names blue-green too. The
            # alarms carry the rollback either way; the breaker catches tasks that never become healthy.
            deployment_circuit_breaker={"enable": True, "rollback": True},
            alarms={"alarm_names": list(alarm_names), "enable": True, "rollback": True},
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            health_check_grace_period_seconds=120,
            load_balancers=[
                {
                    "container_name": role.value,
                    "container_port": port,
                    "target_group_arn": route.blue.arn,
                    "advanced_configuration": {
                        "alternate_target_group_arn": route.green.arn,
                        "production_listener_rule": route.production_rule.arn,
                        "test_listener_rule": route.test_rule.arn,
                        "role_arn": shifter.arn,
                    },
                }
            ],
            service_connect_configuration=None
            if discovery_name is None
            else service_connect(
                cluster,
                log_path=self.task.log_path,
                region=ctx.region,
                port_name=role.value,
                discovery_name=discovery_name,
                port=port,
            ),
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            enable_execute_command=False,
            wait_for_steady_state=False,
            opts=self.child(
                # A policy that goes before the service leaves it draining for ever; a target group without a listener is refused.
                depends_on=[
                    may_shift,
                    hook.invoke_permission,
                    route.production_rule,
                    route.test_rule,
                    cluster.capacity,
                    *self.task.permissions,
                    *after,
                ],
                ignore_changes=_OWNED_BY_ECS,
                custom_timeouts=pulumi.CustomTimeouts(create=_minutes(lasts), update=_minutes(lasts), delete=_minutes(30)),
            ),
        )
        self._scale(name, settings, cluster)
        self.name = self.service.name
        self.arn = self.service.arn
        self.task_role_arn = self.task.role_arn
        self.log_group_name = self.task.log.name
        self.register_outputs({"name": self.name, "task_role_arn": self.task_role_arn, "log_group_name": self.log_group_name})

    def _scale(self, name: str, settings: WebService, cluster: Cluster) -> None:
        """Two targets, CPU and memory (seed 004: 70 and 80 %, 2 to 10 tasks). The higher count wins; quick up, slow down.

        Requests per target would be a third, but its label names one target group, and rollouts alternate between two.
        """
        target = aws.appautoscaling.Target(
            f"{name}-scaling",
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=pulumi.Output.concat("service/", cluster.name, "/", self.service.name),
            min_capacity=settings.min_tasks,
            max_capacity=settings.max_tasks,
            opts=self.child(),
        )
        for part, metric, percent in (
            ("cpu", "ECSServiceAverageCPUUtilization", settings.cpu_percent),
            ("memory", "ECSServiceAverageMemoryUtilization", settings.memory_percent),
        ):
            aws.appautoscaling.Policy(
                f"{name}-scaling-{part}",
                name=f"{self.service_name}-{part}",
                policy_type="TargetTrackingScaling",
                service_namespace=target.service_namespace,
                scalable_dimension=target.scalable_dimension,
                resource_id=target.resource_id,
                target_tracking_scaling_policy_configuration={
                    "predefined_metric_specification": {"predefined_metric_type": metric},
                    "target_value": float(percent),
                    "scale_out_cooldown": 60,
                    "scale_in_cooldown": 300,
                },
                opts=self.child(),
            )


def _deployment(
    rollout: RolloutPlan, hook: RolloutHook, alarm_names: Sequence[pulumi.Input[str]]
) -> aws.ecs.ServiceDeploymentConfigurationArgsDict:
    """What ECS is told of the plan. The provider wants minutes as strings and percentages as floats."""
    details = pulumi.Output.all(*alarm_names).apply(
        lambda names: canonical(
            {
                "holds": [{"percent": hold.percent, "seconds": hold.seconds} for hold in rollout.holds],
                "alarms": sorted(names),
                "grace_seconds": GRACE_SECONDS,
            }
        )
    )
    percent, step_bake = float(rollout.step_percent), str(rollout.step_bake_minutes)
    return {
        "strategy": rollout.strategy.value,
        "bake_time_in_minutes": str(rollout.bake_minutes),
        "lifecycle_hooks": [
            {
                "hook_target_arn": hook.function_arn,
                "role_arn": hook.invoke_role_arn,
                "lifecycle_stages": list(rollout.stages),
                "hook_details": details,
                "timeout_configuration": {"timeout_in_minutes": str(rollout.hook_minutes), "action": "ROLLBACK"},
            }
        ],
        "linear_configuration": {"step_percent": percent, "step_bake_time_in_minutes": step_bake}
        if rollout.strategy is Strategy.LINEAR
        else None,
        "canary_configuration": {"canary_percent": percent, "canary_bake_time_in_minutes": step_bake}
        if rollout.strategy is Strategy.CANARY
        else None,
    }
