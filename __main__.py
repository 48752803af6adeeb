"""The Pulumi program: load settings, build, export."""

import gc

import pulumi

from infra.account import build_account
from infra.platform import build_platform
from infra.settings.loader import load_program
from infra.settings.problems import SettingsError
from infra.settings.root import AccountSettings

# The SDK's service modules load as they are used: millions of objects that never go away. Sweeping them costs seconds of a process
# that lives for seconds.
gc.disable()

try:
    settings = load_program(pulumi.Config("nautilus-infra"), pulumi.get_stack())
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

if isinstance(settings, AccountSettings):
    build_account(settings)
else:
    build_platform(settings).export()
