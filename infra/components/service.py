"""A stateless service behind the load balancer, rolled out by ECS itself (DESIGN.md decision 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.cluster import Cluster
from infra.components.extras import NO_EXTRAS, Extras
from infra.components.rollout_hook import RolloutHook
from infra.components.task import Sidecar, Task, service_connect
from infra.plan.flows import Role
from infra.plan.iam import trust
from infra.plan.rollout import RolloutPlan, Strategy, hook_details, plan_of
from infra.plan.scaling import market_schedule, requests_metric
from infra.plan.tasks import http_probe
from infra.settings.services import ImageOwner
from infra.settings.workloads import WebService

_LOAD_BALANCER_POLICY = "AmazonECSInfrastructureRolePolicyForLoadBalancers"

_SPARE_MINUTES = 30
"""How much longer than the plan a change of the service may take, in minutes."""

_OWNED_BY_ECS = (
    # Autoscaling and ECS count the tasks.
    "desired_count",
    # ECS decides which slot is production. Nothing shows that it ever reports the pair the other way round, but sending
    # the pair back in the old order would start a deployment (hashicorp/terraform-provider-aws#45678); container, port,
    # listener rules and role stay ours. Nested paths are camelCase: only top-level names are translated.
    "loadBalancers[0].targetGroupArn",
    "loadBalancers[0].advancedConfiguration.alternateTargetGroupArn",
)
_OWNED_BY_PIPELINE = ("task_definition",)


def ignored(owner: ImageOwner) -> list[str]:
    """What Pulumi leaves alone on a service: what ECS owns, and the task definition where a pipeline deploys.

    With `pulumi` the task definition must not be ignored: then no new image would ever run. With `pipeline` it must be: the next `up`
    would put the template's image back.
    """
    return [*_OWNED_BY_ECS, *(_OWNED_BY_PIPELINE if owner is ImageOwner.PIPELINE else ())]


class Route(Protocol):
    """What a service needs of its route: two slots, and the two rules whose weights ECS shifts."""

    blue: aws.lb.TargetGroup
    green: aws.lb.TargetGroup
    production_rule: aws.lb.ListenerRule
    test_rule: aws.lb.ListenerRule


def _minutes(count: int) -> str:
    return f"{count}m"


class Service(Component):
    """Fargate tasks with native blue-green rollout, deployment alarms that roll back, and autoscaling.

    `settings.image_owner` says who deploys. `template_arn` is Pulumi's newest revision of the task definition either way: with `pipeline`
    it is what `nautilus rollout start` copies, with another image.
    """

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
        load_balancer: pulumi.Input[str] | None = None,
        told: Mapping[str, Any] | None = None,
        extras: Extras = NO_EXTRAS,
        sidecars: Sequence[Sidecar] = (),
        secret_keys: Mapping[str, pulumi.Input[str]] | None = None,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the service.

        Args:
            name: Logical name.
            ctx: The stack.
            role: Gives the container's, the service's and the log group's name.
            settings: Size, task counts, autoscaling, the image's owner and the rollout. With `discovery` the service joins Service Connect
                as server and client under its role's name, and all traffic passes a proxy in the task.
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
            load_balancer: ARN suffix of the load balancer; scaling by requests needs it.
            told: What the hook is told beside its alarms (`infra.plan.rollout.orders`); None holds and looks at alarms alone.
            extras: Log router, collector of traces, shell.
            sidecars: Further containers.
            secret_keys: KMS key of a secret by its variable, as the secret itself has it.
            after: Further resources that must exist first.
            opts: Options of the component.

        Raises:
            ValueError: a size that Fargate does not offer, more minimum than maximum tasks, no deployment alarm, a rollout that ECS cannot
                express, scaling by requests without a load balancer, or market hours that are none.
        """
        super().__init__(name, ctx, opts)
        if settings.min_tasks > settings.max_tasks:
            raise ValueError(f"services.{role.value}.minTasks = {settings.min_tasks} is above maxTasks = {settings.max_tasks}")
        if not alarm_names:
            raise ValueError(f"the service {role.value} needs at least one alarm that rolls its deployments back")
        self.plan = plan_of(settings.rollout)
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
            stop_seconds=settings.stop_seconds,
            sidecars=sidecars,
            extras=extras,
            secret_keys=secret_keys,
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
        lasts = self.plan.guard_minutes + _SPARE_MINUTES
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
            deployment_configuration=_deployment(self.plan, hook, alarm_names, told),
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
            if not settings.discovery
            else service_connect(
                cluster,
                log_path=self.task.log_path,
                region=ctx.region,
                port_name=role.value,
                discovery_name=role.value,
                port=port,
            ),
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            enable_execute_command=extras.shell is not None,
            # A rollout outlasts any patience at a terminal, and the provider calls a rolled-back deployment steady:
            # `nautilus rollout watch` tells how it ended.
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
                ignore_changes=ignored(settings.image_owner),
                custom_timeouts=pulumi.CustomTimeouts(create=_minutes(lasts), update=_minutes(lasts), delete=_minutes(30)),
            ),
        )
        self._scale(name, settings, cluster, role=role, route=route, load_balancer=load_balancer)
        self.name = self.service.name
        self.arn = self.service.arn
        self.template_arn = self.task.arn
        self.task_role_arn = self.task.role_arn
        self.log_group_name = self.task.log.name
        self.register_outputs(
            {
                "name": self.name,
                "template_arn": self.template_arn,
                "task_role_arn": self.task_role_arn,
                "log_group_name": self.log_group_name,
            }
        )

    def _scale(
        self, name: str, settings: WebService, cluster: Cluster, *, role: Role, route: Route, load_balancer: pulumi.Input[str] | None
    ) -> None:
        """CPU and memory (seed 004: 70 and 80 %, 2 to 10 tasks), requests and market hours. The highest count wins; quick up, slow down.

        Nothing here fights a rollout: while one runs ECS pauses scaling in, and scaling out applies to both slots.
        """
        hours = settings.market_open
        target = aws.appautoscaling.Target(
            f"{name}-scaling",
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=pulumi.Output.concat("service/", cluster.name, "/", self.service.name),
            min_capacity=settings.min_tasks,
            max_capacity=settings.max_tasks,
            # The market's hours move the lower bound twice a day; a `up` at noon must not move it back.
            opts=self.child(ignore_changes=["min_capacity"] if hours.enabled else None),
        )

        tracked: dict[str, aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgsDict] = {
            part: {"predefined_metric_specification": {"predefined_metric_type": metric}, "target_value": float(percent)}
            for part, metric, percent in (
                ("cpu", "ECSServiceAverageCPUUtilization", settings.cpu_percent),
                ("memory", "ECSServiceAverageMemoryUtilization", settings.memory_percent),
            )
        }
        if settings.requests_per_target:
            if load_balancer is None:
                raise ValueError(f"services.{role.value}.requestsPerTarget = {settings.requests_per_target} needs a load balancer")
            metric: Any = requests_metric([route.blue.arn_suffix, route.green.arn_suffix], load_balancer)
            tracked["requests"] = {"customized_metric_specification": metric, "target_value": float(settings.requests_per_target)}
        for part, configuration in tracked.items():
            aws.appautoscaling.Policy(
                f"{name}-scaling-{part}",
                name=f"{self.service_name}-{part}",
                policy_type="TargetTrackingScaling",
                service_namespace=target.service_namespace,
                scalable_dimension=target.scalable_dimension,
                resource_id=target.resource_id,
                target_tracking_scaling_policy_configuration={**configuration, "scale_out_cooldown": 60, "scale_in_cooldown": 300},
                opts=self.child(),
            )
        before: list[pulumi.Resource] = []
        if hours.enabled:
            for action in market_schedule(
                start=hours.start,
                end=hours.end,
                days=hours.days,
                time_zone=hours.time_zone,
                least=settings.min_tasks,
                open_least=hours.min_tasks,
                most=settings.max_tasks,
            ):
                made = aws.appautoscaling.ScheduledAction(
                    f"{name}-scaling-{action.part}",
                    name=f"{self.service_name}-{action.part}",
                    service_namespace=target.service_namespace,
                    scalable_dimension=target.scalable_dimension,
                    resource_id=target.resource_id,
                    schedule=action.schedule,
                    timezone=action.time_zone,
                    scalable_target_action={"min_capacity": action.least, "max_capacity": action.most},
                    # Two changes of one target at the same moment are refused (ConcurrentUpdateException).
                    opts=self.child(depends_on=before),
                )
                before = [made]


def _deployment(
    rollout: RolloutPlan, hook: RolloutHook, alarm_names: Sequence[pulumi.Input[str]], told: Mapping[str, Any] | None
) -> aws.ecs.ServiceDeploymentConfigurationArgsDict:
    """What ECS is told of the plan. The provider wants minutes as strings and percentages as floats."""
    details = pulumi.Output.all(*alarm_names).apply(lambda names: hook_details(rollout, alarms=names, told=told))
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
