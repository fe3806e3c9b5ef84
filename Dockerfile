# Two images: the tap, and with `--target sandbox` the sandbox; docs/container.md.
FROM python:3.13-slim AS python

FROM python AS wheel
WORKDIR /source
COPY requirements/build.txt requirements/
RUN python -m venv /build \
    && /build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY LICENSE README.md pyproject.toml ./
COPY tap_kayzen tap_kayzen
RUN /build/bin/hatchling build --target wheel

FROM python AS tap-packages
WORKDIR /source
RUN python -m venv --without-pip /opt/kayzen
COPY requirements/tap.txt requirements/
RUN pip --python /opt/kayzen/bin/python install --no-cache-dir \
    --only-binary :all: --require-hashes -r requirements/tap.txt
COPY --from=wheel /source/dist dist
RUN pip --python /opt/kayzen/bin/python install --no-cache-dir --no-deps dist/*.whl

FROM tap-packages AS sandbox-packages
COPY requirements/sandbox.txt requirements/
RUN pip --python /opt/kayzen/bin/python install --no-cache-dir \
    --only-binary :all: --require-hashes -r requirements/sandbox.txt

FROM python AS base
LABEL org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/kayzen/bin:$PATH
WORKDIR /data
USER 10001:10001

FROM base AS sandbox
LABEL org.opencontainers.image.title="kayzen-sandbox" \
    org.opencontainers.image.description="A Kayzen API with generated data"
COPY --from=sandbox-packages /opt/kayzen /opt/kayzen
EXPOSE 8765
# Docker gives its clients' proxy to containers.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
    CMD ["env", "no_proxy=127.0.0.1", "python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8765/sandbox/faults')"]
ENTRYPOINT ["kayzen-sandbox", "--host", "0.0.0.0"]

FROM base AS tap
LABEL org.opencontainers.image.title="tap-kayzen" \
    org.opencontainers.image.description="Singer tap for Kayzen, the mobile advertising platform (DSP)"
COPY --from=tap-packages /opt/kayzen /opt/kayzen
ENTRYPOINT ["tap-kayzen"]
