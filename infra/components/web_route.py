"""One web service's way in: two target groups and the listener rules that blue/green rollouts shift between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from infra.component import Component, Context
from infra.components.load_balancer import NAME_LIMIT, LoadBalancer
from infra.plan.origin import check_patterns

HEALTH_INTERVAL_SECONDS, HEALTH_TIMEOUT_SECONDS, UNHEALTHY_AFTER = 10, 5, 3
"""As the seed's health check has them (seed 004: interval 10s, timeout 5s, retries 3)."""
HEALTHY_AFTER = 2


def sent_once_accepted(value: pulumi.Input[str], routes: Sequence[WebRoute]) -> pulumi.Output[str]:
    """The origin header's value for CloudFront, secret, and known only once every route accepts it.

    The distribution therefore changes after the load balancer, at the first `up` and at each rotation.
    """
    rules = [route.production_rule.id for route in routes]
    return pulumi.Output.secret(pulumi.Output.all(value, *rules).apply(lambda known: str(known[0])))


class WebRoute(Component):
    """Blue and green target groups of tasks, and a rule for them on each listener.

    Makes: two `lb.TargetGroup`s (IP targets, LB-09) and two `lb.ListenerRule`s of the same priority. The production rule takes the given
    paths of requests that carry the origin header, with its current value or the one before it; the test rule takes the same paths, and its
    listener is reached from inside alone.
    Both start with everything on blue. From then on ECS shifts the weights, so the program never touches a rule's actions again
    (DESIGN.md decision 6).
    """

    token: ClassVar[str] = "web-route"

    blue: aws.lb.TargetGroup
    green: aws.lb.TargetGroup
    production_rule: aws.lb.ListenerRule
    test_rule: aws.lb.ListenerRule

    def __init__(
        self,
        name: str,
        ctx: Context,
        *,
        load_balancer: LoadBalancer,
        vpc_id: pulumi.Input[str],
        port: int,
        health_path: str,
        path_patterns: Sequence[str],
        priority: int,
        deregistration_seconds: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Build the route.

        Args:
            port: The tasks' port.
            health_path: Path that answers 200 when a task can work, such as `/health`.
            path_patterns: 1 to 3 patterns such as `/api/*`; the origin header takes two of a rule's five values (`infra.plan.origin`).
            priority: 1 to 50,000, unique on a listener; the lowest number that matches wins.
            deregistration_seconds: Seconds that a leaving task may finish its requests, 0 to 3,600.

        Raises:
            ValueError: A number of patterns, a priority or a duration that ELB refuses.
        """
        super().__init__(name, ctx, opts)
        try:
            check_patterns(path_patterns)
        except ValueError as wrong:
            raise ValueError(f"{name}: {wrong}") from None
        if not 1 <= priority <= 50_000:
            raise ValueError(f"{name}: priority = {priority}; ELB takes 1 to 50000, each once a listener")
        if not 0 <= deregistration_seconds <= 3600:
            raise ValueError(f"{name}: deregistration_seconds = {deregistration_seconds}; ELB takes 0 to 3600 seconds")

        def group(colour: str) -> aws.lb.TargetGroup:
            # 32 characters are few: without the suffix the colour stays readable in the names of every stack.
            physical = ctx.names(name.removesuffix("-route"), colour, limit=NAME_LIMIT)
            return aws.lb.TargetGroup(
                f"{name}-{colour}",
                name=physical,
                target_type="ip",
                vpc_id=vpc_id,
                port=port,
                protocol="HTTP",
                protocol_version="HTTP1",
                deregistration_delay=deregistration_seconds,
                load_balancing_algorithm_type="least_outstanding_requests",
                health_check=aws.lb.TargetGroupHealthCheckArgs(
                    enabled=True,
                    path=health_path,
                    port="traffic-port",
                    protocol="HTTP",
                    matcher="200",
                    interval=HEALTH_INTERVAL_SECONDS,
                    timeout=HEALTH_TIMEOUT_SECONDS,
                    healthy_threshold=HEALTHY_AFTER,
                    unhealthy_threshold=UNHEALTHY_AFTER,
                ),
                # ELB takes a sticky group beside another one in a rule only where the rule keeps clients on their group as well
                # (kubernetes-sigs/aws-load-balancer-controller#2734): they would stay with a version whatever its weight, and nothing
                # says that ECS keeps the rule's stickiness when it writes the weights. Sessions are in the cache, not in a task.
                stickiness=aws.lb.TargetGroupStickinessArgs(type="lb_cookie", enabled=False),
                tags={"Name": physical},
                opts=self.child(),
            )

        self.blue, self.green = group("blue"), group("green")
        paths = aws.lb.ListenerRuleConditionArgs(path_pattern=aws.lb.ListenerRuleConditionPathPatternArgs(values=sorted(path_patterns)))
        from_cdn = aws.lb.ListenerRuleConditionArgs(
            http_header=aws.lb.ListenerRuleConditionHttpHeaderArgs(
                http_header_name=load_balancer.header_name, values=load_balancer.header_values
            )
        )
        self.production_rule = self._rule("production", load_balancer.production_listener, priority, [paths, from_cdn])
        self.test_rule = self._rule("test", load_balancer.test_listener, priority, [paths])
        self.register_outputs({"blue": self.blue.arn, "green": self.green.arn})

    def _rule(
        self, part: str, listener: aws.lb.Listener, priority: int, conditions: list[aws.lb.ListenerRuleConditionArgs]
    ) -> aws.lb.ListenerRule:
        forward = aws.lb.ListenerRuleActionForwardArgs(
            target_groups=[
                aws.lb.ListenerRuleActionForwardTargetGroupArgs(arn=self.blue.arn, weight=100),
                aws.lb.ListenerRuleActionForwardTargetGroupArgs(arn=self.green.arn, weight=0),
            ]
        )
        return aws.lb.ListenerRule(
            f"{self.logical}-{part}",
            listener_arn=listener.arn,
            priority=priority,
            conditions=conditions,
            actions=[aws.lb.ListenerRuleActionArgs(type="forward", forward=forward)],
            tags={"Name": self.ctx.names(self.logical, part)},
            # ECS moves the weights during a rollout; putting them back would send traffic to tasks that are gone.
            opts=self.child(ignore_changes=["actions"]),
        )
