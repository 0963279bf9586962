# docker build -t silverback .
# docker run --security-opt seccomp=config/seccomp.json --ulimit nofile=1048576 -p 8000:8000 silverback
#
# Without that profile Docker denies io_uring, and epoll serves: the log and `silverback doctor` say so.

FROM rust:1.95-slim-trixie AS build
RUN apt-get update && apt-get install -qy --no-install-recommends cmake g++ make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY bench bench
COPY tests tests
COPY loadtest loadtest
COPY docs docs
COPY config config
RUN cargo build --release --locked --bin silverback

FROM debian:trixie-slim
RUN apt-get update && apt-get install -qy --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/silverback /usr/bin/silverback
COPY config/package/container.toml /etc/silverback/silverback.toml
# A number, so that a cluster can see that it is not root.
RUN install -d -o 65532 -g 65532 -m 0750 /var/lib/silverback
USER 65532:65532
VOLUME /var/lib/silverback
EXPOSE 8000
STOPSIGNAL SIGTERM
# Ready is: every worker serves, and nobody has said that this node is to leave.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8001 && printf 'GET /status/ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ code _ <&3 && [ \"$code\" = 200 ]"]
ENTRYPOINT ["/usr/bin/silverback"]
CMD ["run", "--config", "/etc/silverback/silverback.toml"]
