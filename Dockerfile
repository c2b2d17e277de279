# Two images from one file: `server` (and its engine), `workers` (the server's packages and the objectives').
#   docker build --target server .                                  torch for the CPU
#   docker build --target server --build-arg TORCH_INDEX_URL=https://download.pytorch.org/whl/cu130 .
# No HEALTHCHECK here: each service of the compose file has its own, and the workers have no port to ask.
FROM python:3.11-slim AS python
ENV PATH=/opt/headway/bin:$PATH PYTHONUNBUFFERED=1

FROM python AS packages
ARG TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu
WORKDIR /build
RUN python -m venv /opt/headway
COPY constraints.txt ./
# torch first and alone: a resolver that meets it unpinned fetches gigabytes. Its tests and headers stay out.
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX_URL" --constraint constraints.txt torch \
 && cd /opt/headway/lib/python3.11/site-packages/torch && rm -rf test include
COPY pyproject.toml deploy/requirements.py ./
RUN python requirements.py server otel > server.txt \
 && pip install --no-cache-dir --constraint constraints.txt --requirement server.txt

FROM packages AS worker-packages
RUN python requirements.py workers > workers.txt \
 && pip install --no-cache-dir --constraint constraints.txt --requirement workers.txt

# The project itself is last, so that an edit of it builds in seconds.
FROM packages AS server-installed
COPY README.md LICENSE ./
COPY clients clients
COPY app app
COPY workers workers
COPY migrations migrations
RUN pip install --no-cache-dir --no-deps --constraint constraints.txt .

FROM worker-packages AS workers-installed
COPY README.md LICENSE ./
COPY clients clients
COPY app app
COPY workers workers
COPY migrations migrations
RUN pip install --no-cache-dir --no-deps --constraint constraints.txt .

# /run/headway is where the compose file's volumes of secrets appear, owned as here.
FROM python AS runtime
RUN useradd --system --uid 10001 --create-home headway \
 && mkdir -p /run/headway/secrets /run/headway/keys && chown -R headway /run/headway \
 && chmod 700 /run/headway/secrets
USER headway
WORKDIR /home/headway

FROM runtime AS workers
COPY --from=workers-installed /opt/headway /opt/headway
ENTRYPOINT ["headway"]
CMD ["worker", "--help"]

FROM runtime AS server
COPY --from=server-installed /opt/headway /opt/headway
EXPOSE 8765
ENTRYPOINT ["headway"]
CMD ["serve", "--host", "0.0.0.0"]
