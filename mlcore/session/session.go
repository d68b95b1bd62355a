package session

/*
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tensorflow/c/c_api.h"

#cgo noescape predict
#cgo nocallback predict

// predict copies x in, filled up with zeros to total floats, runs, and copies the first ny floats of the answer out: one crossing
// from Go to C. It returns how many floats the answer really had, or 0 and a message that the caller frees.
static size_t predict(TF_Session* session, TF_Output in, const int64_t* dims, int rank, const float* x, size_t nx, size_t total, TF_Output out, float* y, size_t ny, char** message) {
	TF_Status* status = TF_NewStatus();
	TF_Tensor* feed = TF_AllocateTensor(TF_FLOAT, dims, rank, total * sizeof(float));
	float* data = TF_TensorData(feed);
	memcpy(data, x, nx * sizeof(float));
	memset(data + nx, 0, (total - nx) * sizeof(float));
	TF_Tensor* fetched = NULL;
	size_t n = 0;
	TF_SessionRun(session, NULL, &in, &feed, 1, &out, &fetched, 1, NULL, 0, NULL, status);
	TF_DeleteTensor(feed);
	if (TF_GetCode(status) == TF_OK) {
		n = TF_TensorElementCount(fetched);
		if (n >= ny) memcpy(y, TF_TensorData(fetched), ny * sizeof(float));
		TF_DeleteTensor(fetched);
	} else {
		*message = strdup(TF_Message(status));
	}
	TF_DeleteStatus(status);
	return n;
}

// What a thread of its own does, which gives way to all others.
struct work {
	TF_Session* session; TF_Graph* graph; TF_SessionOptions* options; const char* dir; TF_Buffer* meta; TF_Status* status;
	TF_Output in; const int64_t* dims; int rank; size_t total; TF_Output out; char* message;
};

// give_way makes this thread low in priority and short of slice. A low priority alone would not
// do: the kernel lets a thread that it has put on a processor stay for a slice, milliseconds, whoever wakes up meanwhile. Before
// Linux 6.12 there are no slices of one's own, and the request for one is ignored.
static void give_way(void) {
#ifdef __linux__
	struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; } attr = {
		.size = 48, .policy = SCHED_BATCH, .nice = getpriority(PRIO_PROCESS, 0) + 8, .runtime = 100000 }; // ns, the least there is
	if (attr.nice > 19) attr.nice = 19;
	syscall(SYS_sched_setattr, 0, &attr, 0); // where it is forbidden all stays as it is
#endif
}

// few_arenas has glibc keep what it allocates in n places. By default they are eight for each processor, and every load leaves its
// pieces in another one: the memory of a server that changes its models grows for hundreds of them.
static void few_arenas(int n) {
#ifdef __GLIBC__
	mallopt(M_ARENA_MAX, n);
#endif
}

static void* loading(void* p) {
	struct work* w = p;
	const char* tags[] = {"serve"};
	w->session = TF_LoadSessionFromSavedModel(w->options, NULL, w->dir, tags, 1, w->graph, w->meta, w->status);
	return NULL;
}

static void* loading_aside(void* p) {
	give_way();
	return loading(p);
}

static void* warming(void* p) {
	struct work* w = p;
	float y;
	float* x = calloc(w->total, sizeof(float));
	size_t given = w->total;
	predict(w->session, w->in, w->dims, w->rank, x, given, w->total, w->out, &y, 1, &w->message);
	free(x);
	return NULL;
}

static void* warming_aside(void* p) {
	give_way();
	return warming(p);
}

// work does it here, or aside in a thread that ends with it: a thread need not get its priority back.
static void work(bool aside, void* (*here)(void*), void* (*there)(void*), struct work* w) {
	pthread_t t;
	if (aside && pthread_create(&t, NULL, there, w) == 0) pthread_join(t, NULL);
	else here(w);
}

static TF_Session* load(bool aside, TF_SessionOptions* options, const char* dir, TF_Graph* graph, TF_Buffer* meta, TF_Status* status) {
	struct work w = {.options = options, .dir = dir, .graph = graph, .meta = meta, .status = status};
	work(aside, loading, loading_aside, &w);
	return w.session;
}

static char* warm(bool aside, TF_Session* session, TF_Output in, const int64_t* dims, int rank, size_t total, TF_Output out) {
	struct work w = {.session = session, .in = in, .dims = dims, .rank = rank, .total = total, .out = out};
	work(aside, warming, warming_aside, &w);
	return w.message;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	config "github.com/tensorflow/tensorflow/tensorflow/go/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// Config is how a session computes.
type Config = config.ConfigProto

// Here returns the config of a session that computes in the thread that calls it, on the CPU. It is the fastest for small
// graphs and many callers.
func Here() *Config {
	return &Config{InterOpParallelismThreads: -1, IntraOpParallelismThreads: 1, DeviceCount: map[string]int32{"GPU": 0}}
}

// A Session is a graph that can be run, by many goroutines at once.
type Session struct {
	graph *C.TF_Graph
	c     *C.TF_Session
}

// Open returns a session of a marshalled GraphDef.
func Open(graphDef []byte, cfg *Config) (*Session, error) {
	st := newStatus()
	defer st.free()
	options, err := newOptions(cfg, st)
	if err != nil {
		return nil, err
	}
	defer C.TF_DeleteSessionOptions(options)
	s := &Session{graph: C.TF_NewGraph()}
	importing := C.TF_NewImportGraphDefOptions()
	defer C.TF_DeleteImportGraphDefOptions(importing)
	buffer := C.TF_NewBufferFromString(unsafe.Pointer(&graphDef[0]), C.size_t(len(graphDef)))
	defer C.TF_DeleteBuffer(buffer)
	C.TF_GraphImportGraphDef(s.graph, buffer, importing, st.c)
	if err := st.err(); err != nil {
		s.Close()
		return nil, err
	}
	s.c = C.TF_NewSession(s.graph, options, st.c)
	if err := st.err(); err != nil {
		s.c = nil
		s.Close()
		return nil, err
	}
	return s, nil
}

// Load returns a session of the SavedModel in dir, with its variables restored, and the model's description.
func Load(dir string, cfg *Config) (*Session, *config.MetaGraphDef, error) {
	return load(dir, cfg, false)
}

// LoadAside does so in a thread that gives way to all others, for the sake of those who are at work meanwhile.
func LoadAside(dir string, cfg *Config) (*Session, *config.MetaGraphDef, error) {
	return load(dir, cfg, true)
}

func load(dir string, cfg *Config, aside bool) (*Session, *config.MetaGraphDef, error) {
	st := newStatus()
	defer st.free()
	options, err := newOptions(cfg, st)
	if err != nil {
		return nil, nil, err
	}
	defer C.TF_DeleteSessionOptions(options)
	path := C.CString(dir)
	defer C.free(unsafe.Pointer(path))
	buffer := C.TF_NewBuffer()
	defer C.TF_DeleteBuffer(buffer)
	s := &Session{graph: C.TF_NewGraph()}
	s.c = C.load(C.bool(aside), options, path, s.graph, buffer, st.c)
	if err := st.err(); err != nil {
		s.c = nil
		s.Close()
		return nil, nil, err
	}
	meta := new(config.MetaGraphDef)
	if err := proto.Unmarshal(C.GoBytes(buffer.data, C.int(buffer.length)), meta); err != nil {
		s.Close()
		return nil, nil, err
	}
	return s, meta, nil
}

// Close frees the session. Nobody may be running it any more.
func (s *Session) Close() {
	st := newStatus() // nothing can be done about what it would say
	defer st.free()
	if s.c != nil {
		C.TF_CloseSession(s.c, st.c)
		C.TF_DeleteSession(s.c, st.c)
	}
	C.TF_DeleteGraph(s.graph)
	s.c, s.graph = nil, nil
}

// A Call is a run of a session with the same inputs and outputs each time.
type Call struct {
	session *Session
	in, out []C.TF_Output
	targets []*C.TF_Operation
}

// Call prepares a run. Inputs and outputs are named "operation:index", as signatures do; an output that is an operation by
// itself ("operation") is run and gives no tensor.
func (s *Session) Call(inputs, outputs []string) (*Call, error) {
	c := &Call{session: s}
	for _, name := range inputs {
		o, err := s.output(name)
		if err != nil {
			return nil, err
		}
		c.in = append(c.in, o)
	}
	for _, name := range outputs {
		o, err := s.output(name)
		if err != nil {
			return nil, err
		}
		if strings.Contains(name, ":") {
			c.out = append(c.out, o)
		} else {
			c.targets = append(c.targets, o.oper)
		}
	}
	return c, nil
}

func (s *Session) output(name string) (C.TF_Output, error) {
	operation, index, _ := strings.Cut(name, ":")
	i, _ := strconv.Atoi(index)
	cname := C.CString(operation)
	defer C.free(unsafe.Pointer(cname))
	o := C.TF_Output{oper: C.TF_GraphOperationByName(s.graph, cname), index: C.int(i)}
	if o.oper == nil {
		return o, fmt.Errorf("the graph has no operation %q", operation)
	}
	return o, nil
}

// Run feeds the inputs in their order and returns the outputs in theirs.
func (c *Call) Run(feeds ...*Tensor) ([]*Tensor, error) {
	if len(feeds) != len(c.in) {
		return nil, fmt.Errorf("%d tensors for %d inputs", len(feeds), len(c.in))
	}
	st := newStatus()
	defer st.free()
	in, out := make([]*C.TF_Tensor, len(feeds)+1), make([]*C.TF_Tensor, len(c.out)+1)
	for i, t := range feeds {
		in[i] = t.c
	}
	C.TF_SessionRun(c.session.c, nil, unsafe.SliceData(c.in), &in[0], C.int(len(feeds)), unsafe.SliceData(c.out), &out[0], C.int(len(c.out)),
		unsafe.SliceData(c.targets), C.int(len(c.targets)), nil, st.c)
	runtime.KeepAlive(feeds)
	if err := st.err(); err != nil {
		return nil, err
	}
	results := make([]*Tensor, len(c.out))
	for i := range results {
		results[i] = own(out[i])
	}
	return results, nil
}

// Floats runs a call of one float32 input and one float32 output. It reads x, which has the shape, and fills y.
func (c *Call) Floats(x []float32, shape []int, y []float32) error {
	got, total, err := c.floats(x, shape, y)
	switch {
	case err != nil:
	case total != len(x):
		err = fmt.Errorf("%d numbers for shape %v", len(x), shape)
	case got != len(y):
		err = fmt.Errorf("the graph answered %d numbers, not %d", got, len(y))
	}
	return err
}

// Padded is Floats of a shape that is longer than x: what is missing is zero, and y takes as much of the answer as it has room for.
func (c *Call) Padded(x []float32, shape []int, y []float32) error {
	got, _, err := c.floats(x, shape, y)
	if err == nil && got < len(y) {
		err = fmt.Errorf("the graph answered %d numbers, not %d", got, len(y))
	}
	return err
}

// Warm runs a call of one float32 input and one float32 output with zeros, aside in a thread that gives way to all others. The first
// run of a call takes as long as a hundred others: TensorFlow prepares the graph for it.
func (c *Call) Warm(shape []int, aside bool) error {
	var dims [mostDimensions]C.int64_t
	total := 1
	for i, d := range shape[:min(len(shape), mostDimensions)] {
		dims[i] = C.int64_t(d)
		total *= d
	}
	message := C.warm(C.bool(aside), c.session.c, c.in[0], &dims[0], C.int(len(shape)), C.size_t(total), c.out[0])
	if message == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(message))
	return errors.New("tensorflow: " + C.GoString(message))
}

// The most dimensions that an input of floats has.
const mostDimensions = 4

func (c *Call) floats(x []float32, shape []int, y []float32) (got, total int, err error) {
	var dims [mostDimensions]C.int64_t
	total = 1
	for i, d := range shape[:min(len(shape), mostDimensions)] {
		dims[i] = C.int64_t(d)
		total *= d
	}
	if len(shape) > mostDimensions || len(x) > total || len(x) == 0 || len(y) == 0 {
		return 0, 0, fmt.Errorf("%d numbers for shape %v", len(x), shape)
	}
	var message *C.char
	//nolint:gocritic // what cgo makes of it compares a thing with itself
	got = int(C.predict(c.session.c, c.in[0], &dims[0], C.int(len(shape)), (*C.float)(&x[0]), C.size_t(len(x)), C.size_t(total),
		c.out[0], (*C.float)(&y[0]), C.size_t(len(y)), &message))
	if message != nil {
		err = errors.New("tensorflow: " + C.GoString(message))
		C.free(unsafe.Pointer(message))
	}
	return got, total, err
}

// OwnThreads makes TensorFlow give each session as many threads as its config says. Without it all of a process share those of
// whoever came first, and sums may depend on that. It must be called before the first session; Open and Load do. So must what it
// says of memory.
var OwnThreads = sync.OnceFunc(func() {
	_ = os.Setenv("TF_OVERRIDE_GLOBAL_THREADPOOL", "1") // the name is one
	C.few_arenas(C.int(max(2, runtime.NumCPU())))
})

func newOptions(cfg *Config, st status) (*C.TF_SessionOptions, error) {
	OwnThreads()
	b, err := proto.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	options := C.TF_NewSessionOptions()
	if len(b) > 0 {
		C.TF_SetConfig(options, unsafe.Pointer(&b[0]), C.size_t(len(b)), st.c)
	}
	if err := st.err(); err != nil {
		C.TF_DeleteSessionOptions(options)
		return nil, err
	}
	return options, nil
}

// A status is where the C API leaves its errors.
type status struct{ c *C.TF_Status }

func newStatus() status { return status{C.TF_NewStatus()} }

func (s status) free() { C.TF_DeleteStatus(s.c) }

func (s status) err() error {
	if C.TF_GetCode(s.c) == C.TF_OK {
		return nil
	}
	return errors.New("tensorflow: " + C.GoString(C.TF_Message(s.c)))
}
