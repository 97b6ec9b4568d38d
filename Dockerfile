# Watchpost's two programs, for arm64 and amd64:
#   docker build --target edge -t watchpost-edge .            docker build --target collector -t watchpost-collector .
# PyAV's wheels carry GPL codecs: docs/ref/licences.md, which is in the image, says where text and source are.
ARG PYTHON_VERSION=3.12

FROM python:${PYTHON_VERSION}-slim-bookworm AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY . .
# The build environment has exactly the locked versions; the run-time environment takes only what the wheel needs of them.
RUN python -m venv /build \
 && /build/bin/pip install --require-hashes -r requirements.lock \
 && /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
 && sed -E '/^ *--hash=/d; s/ *\\$//' requirements.lock > /dist/constraints.txt \
 && python -m venv /opt/watchpost \
 && /opt/watchpost/bin/pip install --constraint /dist/constraints.txt /dist/*.whl obstore

FROM python:${PYTHON_VERSION}-slim-bookworm AS base
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/watchpost watchpost
COPY --from=build /opt/watchpost /opt/watchpost
COPY docs/ref/licences.md LICENSE /usr/share/doc/watchpost/
ENV PATH=/opt/watchpost/bin:$PATH PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1
USER 10001
WORKDIR /var/lib/watchpost
VOLUME ["/var/lib/watchpost"]

# The collector: put TLS before it. A broker must be named (WATCHPOST_MQTT_URL).
FROM base AS collector
ENV WATCHPOST_DATA=/var/lib/watchpost WATCHPOST_HOST=0.0.0.0 WATCHPOST_PORT=8400
EXPOSE 8400
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import httpx; httpx.get('http://127.0.0.1:8400/healthz', timeout=4).raise_for_status()"]
CMD ["watchpost-collector", "run"]

# The agent: mount its configuration at /etc/watchpost/agent.yaml and let its data_dir be /var/lib/watchpost.
FROM base AS edge
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["watchpost-edge", "alive", "/etc/watchpost/agent.yaml"]
CMD ["watchpost-edge", "run", "/etc/watchpost/agent.yaml"]
