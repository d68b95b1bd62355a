// Package quiet keeps off stderr what TensorFlow has to say about itself while a program is loaded, and after that everything
// that is no error, and leaves oneDNN, which rounds otherwise on each processor, out of it. Import it for that alone.
// TF_CPP_MIN_LOG_LEVEL=0 in the environment lets TensorFlow speak; TF_ENABLE_ONEDNN_OPTS=1 lets oneDNN compute.
package quiet

// TensorFlow's library logs from its constructors, before Go runs and before TensorFlow itself looks at its log level.
// quiet.c therefore acts before the first constructor and after the last.

import "C"
