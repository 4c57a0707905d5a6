"""The part of KubeRay's v1 API that deploy/kuberay uses, as a JSON schema without further keys.

Kubernetes drops a key that it does not know in silence: a typing error would show
on a cluster only.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
TEXT: Schema = {"type": "string", "minLength": 1}
COUNT: Schema = {"type": "integer", "minimum": 0}
TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}


def closed(required: str = "", **properties: Schema) -> Schema:
    """An object of exactly these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def many(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 1}


VOLUME = closed(
    "name",
    name=TEXT,
    persistentVolumeClaim=closed("claimName", claimName=TEXT),
    emptyDir=closed(medium={"enum": ["", "Memory"]}, sizeLimit=TEXT),
)
CONTAINER = closed(
    "name image resources",
    name=TEXT,
    image=TEXT,
    resources=closed("requests limits", requests=TEXTS, limits=TEXTS),
    volumeMounts=many(closed("name mountPath", name=TEXT, mountPath=TEXT)),
)
POD = closed("spec", spec=closed("containers", containers=many(CONTAINER), volumes=many(VOLUME)))
WORKERS = closed(
    "groupName minReplicas maxReplicas template",
    groupName=TEXT,
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    rayStartParams=TEXTS,
    template=POD,
)
CLUSTER_SPEC = closed(
    "headGroupSpec",
    rayVersion=TEXT,
    authOptions=closed(mode={"enum": ["disabled", "token"]}, secretName=TEXT),
    headGroupSpec=closed("template", rayStartParams=TEXTS, template=POD),
    workerGroupSpecs=many(WORKERS),
)
JOB_SPEC = closed(
    "",
    entrypoint=TEXT,
    runtimeEnvYAML=TEXT,
    submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]},
    backoffLimit=COUNT,
    activeDeadlineSeconds=COUNT,
    shutdownAfterJobFinishes={"type": "boolean"},
    ttlSecondsAfterFinished=COUNT,
    suspend={"type": "boolean"},
    rayClusterSpec=CLUSTER_SPEC,
)
METADATA = closed(name=TEXT, generateName=TEXT, labels=TEXTS)


def document(kind: str, spec: Schema) -> Schema:
    return closed(
        "apiVersion kind metadata spec",
        apiVersion={"const": "ray.io/v1"},
        kind={"const": kind},
        metadata=METADATA,
        spec=spec,
    )


SCHEMAS = {
    "raycluster.yaml": document("RayCluster", CLUSTER_SPEC),
    "rayjob.yaml": document("RayJob", JOB_SPEC),
}
