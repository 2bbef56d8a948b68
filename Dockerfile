# SPDX-License-Identifier: Apache-2.0
# gamut in an image: built in one stage, run in another that holds no compiler.
#   docker build -t gamut .        --build-arg GAMUT_GPU=1 for torch's CUDA build with NVIDIA's libraries
#   docker run --rm -v "$PWD:/work" gamut sample --prompt K -n 16 --out k.png
FROM debian:12-slim AS build
ARG GAMUT_GPU=""
ARG GAMUT_TORCH_INDEX=""
ENV GAMUT_GPU=$GAMUT_GPU GAMUT_TORCH_INDEX=$GAMUT_TORCH_INDEX
RUN apt-get update && apt-get install -y --no-install-recommends make ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /gamut
# LibTorch in a layer of its own: it comes down again only when setting up changes.
COPY scripts/setup.sh scripts/
COPY cmake/LibTorch.cmake cmake/
RUN scripts/setup.sh demo
COPY . .
RUN make program && cmake --install build --prefix /opt/gamut --component program
# What the program loads of torch and of NVIDIA's, in the places where torch's libraries look for each other.
RUN packages=$(echo .venv/lib/python3*/site-packages) && mkdir -p /opt/gamut/site/torch && \
    cp -a $packages/torch/lib $packages/torch/version.py /opt/gamut/site/torch/ && \
    if [ -d $packages/nvidia ]; then cp -a $packages/nvidia /opt/gamut/site/; fi && \
    rm -f /opt/gamut/site/torch/lib/libtorch_python.so && \
    echo /opt/gamut/site/torch/lib > /opt/gamut/libtorch.conf

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
      libfmt9 libspdlog1.10 libpng16-16 libjpeg62-turbo libfreetype6 libicu72 libsentencepiece0 libcpp-httplib0.11 libgomp1 \
      libtesseract5 tesseract-ocr-eng && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/gamut /opt/gamut
RUN mv /opt/gamut/libtorch.conf /etc/ld.so.conf.d/ && ldconfig && ln -s /opt/gamut/bin/gamut /usr/local/bin/gamut
WORKDIR /work
ENTRYPOINT ["gamut"]
CMD ["doctor"]
