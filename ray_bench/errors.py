"""Every error that ray_bench raises on purpose.

    RayBenchError                    exit 1
    |- ConfigError (ValueError)      exit 2   bad key, type, range or path
    |  `- RefusedError                        a sweep that the service does not take
    |- DataError
    |  |- MissingDataError                    a data set is not where it was looked for
    |  `- CorruptDataError                    a data file is truncated or is not what its name says
    |- LaunchError
    |  |- ClusterCapacityError                asked for more workers than the cluster can ever give
    |  |- PlacesTakenError                    others hold the places, longer than launch.wait_s
    |  |- HostsUnreachableError               hosts of a run cannot connect to each other
    |  |- PlacementError                      workers cannot be, or are not, on the nodes asked for
    |  `- WorkerFailedError                   a rank failed; names the rank and its cause
    |- TrainingError
    |  |- NonFiniteLossError                  the loss became NaN or infinite
    |  |- ExplodedLossError                   the loss grew far beyond the first one
    |  |- HopelessRunError                    a run was stopped because stop.hopeless_... said so
    |  |- RankDisagreementError               the ranks see different numbers of steps
    |  `- UnusedParametersError               parameters that DDP waits for got no gradient
    |- StoreError
    |  |- SchemaVersionError                  the results were written by another version
    |  |- AlreadyStoredError                  other content is stored under this name
    |  `- IncompatibleRunsError (ValueError)  the runs cannot be compared
    |- AnalysisError (ValueError)
    |  `- InsufficientPointsError             too few world sizes for the question
    `- MissingExtraError (ImportError)        an optional package is not installed

A message says what is wrong, the value that was got, and what to do. Every class is built from one
positional message, so that it survives pickling between processes. Exit code 3 is no error but the
answer of `ray-bench compare`: a regression.
"""


class RayBenchError(Exception):
    """Something that ray_bench can explain to its user."""

    exit_code = 1


class ConfigError(RayBenchError, ValueError):
    """The request itself is wrong: a key, a type, a range or a path."""

    exit_code = 2


class RefusedError(ConfigError):
    """A sweep that the service does not take; a line for each thing that stops it."""


class DataError(RayBenchError):
    """Training data cannot be used."""


class MissingDataError(DataError):
    """A data set is not where it was looked for."""


class CorruptDataError(DataError):
    """A data file is truncated, or is not what its name says."""


class LaunchError(RayBenchError):
    """Ray could not start or finish a run."""


class ClusterCapacityError(LaunchError):
    """More workers were asked for than the cluster can ever give."""


class PlacesTakenError(LaunchError):
    """Others hold the places for longer than the user wants to wait."""


class HostsUnreachableError(LaunchError):
    """Hosts of a run cannot connect to each other; the message names them and their addresses."""


class PlacementError(LaunchError):
    """Workers cannot be, or are not, on the nodes that were asked for."""


class WorkerFailedError(LaunchError):
    """A rank failed; the message names it and its cause."""


class TrainingError(RayBenchError):
    """The training itself went wrong."""


class NonFiniteLossError(TrainingError):
    """The loss became NaN or infinite."""


class ExplodedLossError(TrainingError):
    """The loss grew far beyond the first one."""


class HopelessRunError(TrainingError):
    """A run was stopped on request, because it did not get where it was to be by then."""


class RankDisagreementError(TrainingError):
    """The ranks see different numbers of steps."""


class UnusedParametersError(TrainingError):
    """Parameters whose gradients DDP waits for got none."""


class StoreError(RayBenchError):
    """Results cannot be written or read."""


class SchemaVersionError(StoreError):
    """Results were written by another version of ray_bench."""


class AlreadyStoredError(StoreError):
    """Other content is stored under this name, and is not replaced."""


class IncompatibleRunsError(StoreError, ValueError):
    """Runs differ in something that forbids comparing them."""


class AnalysisError(RayBenchError, ValueError):
    """The measurements do not support the question."""


class InsufficientPointsError(AnalysisError):
    """There are too few world sizes for the question."""


class MissingExtraError(RayBenchError, ImportError):
    """An optional package is not installed."""
