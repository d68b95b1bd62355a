# The images. One has what needs no TensorFlow, the other the worker:
#
#   docker build --target control -t retrain:0.1.0 .
#   docker build --target worker -t retrain-worker:0.1.0-cpu .
#   docker build --target worker --build-arg FLAVOUR=gpu -t retrain-worker:0.1.0-gpu .
#
# With --sbom=true --provenance=true BuildKit adds what is in them and how they were made.
ARG GO=1.26 DEBIAN=bookworm

# Everything is built here. What is fetched is pinned by go.sum and third_party/libtensorflow-*.sums.
FROM golang:${GO}-${DEBIAN} AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip unzip && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY third_party third_party
ARG FLAVOUR=cpu
RUN third_party/libtensorflow.sh /tensorflow ${FLAVOUR}
COPY . .
ARG VERSION=unknown
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    deploy/image/rootfs.sh /tensorflow ${FLAVOUR} ${VERSION} /control /worker

FROM scratch AS control
COPY --from=build /control /
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
USER 65532:65532
ENV PATH=/usr/local/bin HOME=/tmp
CMD ["producer", "serve"]

# C and C++ libraries, and nothing else of a distribution: no shell, no Python, no compiler.
FROM gcr.io/distroless/cc-debian12:nonroot AS worker
COPY --from=build /worker /
ENV PATH=/usr/local/bin HOME=/tmp TF_CPP_MIN_LOG_LEVEL=2
# Of the flavour gpu; paths that do not exist are passed over. The driver's own libraries come from the node.
ENV LD_LIBRARY_PATH=/usr/local/lib:/usr/local/nvidia/lib:/usr/local/cuda \
    XLA_FLAGS=--xla_gpu_cuda_data_dir=/usr/local/nvidia/cuda_nvcc \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
CMD ["worker", "predict"]
