module github.com/tensorflow/tensorflow/tensorflow/go/core

go 1.26

require google.golang.org/protobuf v1.36.11
