# The service in a container: the image of deploy/Dockerfile with the extra `serve`. From the root of the
# repository:
#
#   docker build -f deploy/Dockerfile -t YOUR_REGISTRY/ray-bench:cpu .
#   docker build -f deploy/serve.Dockerfile --build-arg BASE=YOUR_REGISTRY/ray-bench:cpu -t YOUR_REGISTRY/ray-bench:serve .
#   docker run --rm -p 127.0.0.1:8300:8300 -v "$PWD/results:/results" -e RAY_BENCH_TOKEN YOUR_REGISTRY/ray-bench:serve
#
# With Docker's --user, /results can be written by that user. Without a token one is made and printed.
ARG BASE=YOUR_REGISTRY/ray-bench:cpu
FROM ${BASE}
RUN uv pip install --no-cache --compile-bytecode --python "$(command -v python)" "/home/ray/ray_bench[serve]"
EXPOSE 8300
# `exec` form: SIGTERM reaches the service, which ends with 0.
ENTRYPOINT ["python", "-m", "ray_bench", "serve", "/results", "--host", "0.0.0.0"]
