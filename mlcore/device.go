package mlcore

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	tf "github.com/tensorflow/tensorflow/tensorflow/go"
	meta "github.com/tensorflow/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"retrain"
	"retrain/mlcore/session"
)

// Info says what TensorFlow finds on this machine.
type Info struct {
	Version string   `json:"version"` // of the library
	Devices []Device `json:"devices"`
}

// A Device is a processor that TensorFlow can use.
type Device struct {
	Name   string `json:"name"` // /job:localhost/replica:0/task:0/device:GPU:0
	Kind   string `json:"kind"` // CPU, GPU
	Memory int64  `json:"memory"`
}

// Version returns the version of the TensorFlow library.
func Version() string { return tf.Version() }

// Probe opens TensorFlow and lists its devices. A TensorFlowDependencyError says what is wrong with it.
func Probe() (Info, error) {
	info := Info{Version: tf.Version()}
	session.OwnThreads()
	cfg, err := proto.Marshal(&session.Config{GpuOptions: growing()})
	if err != nil {
		return info, err
	}
	graph := tf.NewGraph()
	s, err := tf.NewSession(graph, &tf.SessionOptions{Config: cfg})
	runtime.KeepAlive(graph) // the binding does not: a collection during the call would free it in TensorFlow's hands
	if err != nil {
		return info, retrain.Errorf(retrain.TensorFlowDependencyError, "TensorFlow %s opens no session: %w", info.Version, err)
	}
	defer s.Close() //nolint:errcheck // it was only asked
	devices, err := s.ListDevices()
	if err != nil {
		return info, retrain.Errorf(retrain.TensorFlowDependencyError, "TensorFlow %s lists no devices: %w", info.Version, err)
	}
	for _, d := range devices {
		info.Devices = append(info.Devices, Device{d.Name, d.Type, d.MemoryLimitBytes})
	}
	if len(info.Devices) == 0 {
		return info, retrain.Errorf(retrain.TensorFlowDependencyError, "TensorFlow %s finds no device", info.Version)
	}
	return info, nil
}

// Devices returns the processors that TensorFlow can use here, none where it does not work.
func Devices() []Device {
	info, _ := probed() // whoever trains is told what is wrong
	return info.Devices
}

// HasGPU reports whether TensorFlow finds a GPU.
func HasGPU() bool {
	info, err := probed()
	return err == nil && slices.ContainsFunc(info.Devices, func(d Device) bool { return d.Kind == "GPU" })
}

// probed is what Probe found first: devices do not come and go while a process lives.
var probed = sync.OnceValues(Probe)

// device returns what a model trains on, "cpu" or "gpu", for its setting auto, cpu or gpu. A TensorFlowDependencyError says
// that the GPU it wants is not there.
func device(setting string) (string, error) {
	if setting == "cpu" {
		return "cpu", nil
	}
	info, err := probed()
	if err != nil {
		return "", err
	}
	for _, d := range info.Devices {
		if d.Kind == "GPU" {
			return "gpu", nil
		}
	}
	if setting == "gpu" {
		return "", retrain.Errorf(retrain.TensorFlowDependencyError, "device: gpu, but TensorFlow %s finds %s alone", info.Version, strings.Join(info.kinds(), ", ")).
			WithHint("libraries with CUDA and a driver are needed: make libtensorflow FLAVOUR=gpu; device: auto takes what is there")
	}
	return "cpu", nil
}

func (i Info) kinds() (kinds []string) {
	for _, d := range i.Devices {
		kinds = append(kinds, fmt.Sprintf("%s (%s)", d.Kind, d.Name))
	}
	return kinds
}

// config is how a session computes on a device. On the CPU it is one thread, the one that calls: the fastest for networks of
// usual size, it leaves the other cores to other fits, and sums do not depend on how many cores there are. Only from
// manyOperations in a step on, sums are shared out among all cores.
func config(device string, operations int) *session.Config {
	if device == "gpu" {
		return &session.Config{GpuOptions: growing(), AllowSoftPlacement: true}
	}
	cfg := session.Here()
	if operations > manyOperations {
		cfg.InterOpParallelismThreads, cfg.IntraOpParallelismThreads = 0, 0
	}
	return cfg
}

// Below this many multiplications in a step, a second thread costs more than it brings.
const manyOperations = 50_000_000

// growing lets a process take GPU memory as it needs it, so that several can share a GPU.
func growing() *meta.GPUOptions { return &meta.GPUOptions{AllowGrowth: true} }
