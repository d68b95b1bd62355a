package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A server is somebody who answers predictions.
type server struct {
	name    string
	address string
	path    string
	body    func(rows [][]float64) string       // how it wants to be asked
	read    func(answer []byte) (float64, bool) // the first prediction of an answer
	process *exec.Cmd
	first   time.Duration // from its start to its first answer
}

const features = 8

// requests returns some requests of so many rows each.
func (s *server) requests(rows int) [][]byte {
	random := rand.New(rand.NewPCG(1, uint64(rows)))
	list := make([][]byte, max(4, 256/rows))
	for i := range list {
		list[i] = request(s.path, s.body(randomRows(random, rows)))
	}
	return list
}

func randomRows(random *rand.Rand, n int) [][]float64 {
	rows := make([][]float64, n)
	for i := range rows {
		for range features {
			rows[i] = append(rows[i], math.Round(random.Float64()*1e4)/1e4)
		}
	}
	return rows
}

// byName is {"instances":[{"f0":0.1,…},…]}.
func byName(rows [][]float64) string {
	var b strings.Builder
	b.WriteString(`{"instances":[`)
	for i, row := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, v := range row {
			fmt.Fprintf(&b, `%c"f%d":%s`, "{,"[min(j, 1)], j, strconv.FormatFloat(v, 'g', -1, 64))
		}
		b.WriteByte('}')
	}
	b.WriteString(`]}`)
	return b.String()
}

func firstPrediction(answer []byte) (float64, bool) {
	var a struct {
		Predictions []float64 `json:"predictions"`
	}
	err := json.Unmarshal(answer, &a)
	return append(a.Predictions, 0)[0], err == nil && len(a.Predictions) > 0
}

// openInference is the request of the Open Inference Protocol.
func openInference(rows [][]float64) string {
	b, _ := json.Marshal(map[string]any{"inputs": []any{map[string]any{"name": "x", "shape": []int{len(rows), features}, "datatype": "FP32", "data": rows}}}) // plain numbers marshal
	return string(b)
}

func firstOutput(answer []byte) (float64, bool) {
	var a struct {
		Outputs []struct {
			Data []float64 `json:"data"`
		} `json:"outputs"`
	}
	err := json.Unmarshal(answer, &a)
	if err != nil || len(a.Outputs) == 0 || len(a.Outputs[0].Data) == 0 {
		return 0, false
	}
	return a.Outputs[0].Data[0], true
}

// freeAddress returns an address whose port, and some after it, were free a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// start starts a server as a process group and waits for its first answer. Its output goes into a file of the folder.
func (s *server) start(ctx context.Context, dir string, program string, args ...string) error {
	out, err := os.Create(filepath.Join(dir, strings.ReplaceAll(s.name, " ", "-")+".log"))
	if err != nil {
		return err
	}
	defer out.Close()
	s.process = exec.Command(program, args...)
	s.process.Stdout, s.process.Stderr = out, out
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	began := time.Now()
	if err := s.process.Start(); err != nil {
		return err
	}
	question := request(s.path, s.body([][]float64{{0, 0, 0, 0, 0, 0, 0, 0}}))
	for time.Since(began) < 2*time.Minute && ctx.Err() == nil {
		if _, err := ask(s.address, question); err == nil {
			s.first = time.Since(began)
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	b, _ := os.ReadFile(out.Name())
	return errors.Join(ctx.Err(), fmt.Errorf("%s does not answer; it said:\n%s", s.name, b[max(0, len(b)-2000):]))
}

// stop ends the process group.
func (s *server) stop() {
	if s.process == nil || s.process.Process == nil {
		return
	}
	_ = syscall.Kill(-s.process.Process.Pid, syscall.SIGTERM)
	time.AfterFunc(5*time.Second, func() { _ = syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL) })
	_ = s.process.Wait()
}

// processes returns the folders of the process group under /proc.
func (s *server) processes() (folders []string) {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range all {
		pid, err := strconv.Atoi(filepath.Base(p))
		if group, e := syscall.Getpgid(pid); err == nil && e == nil && group == s.process.Process.Pid {
			folders = append(folders, p)
		}
	}
	return folders
}

// memory returns how many MiB the process group has; what several processes share counts once.
func (s *server) memory() float64 {
	sum := 0.0
	for _, p := range s.processes() {
		b, _ := os.ReadFile(p + "/smaps_rollup")
		for line := range strings.Lines(string(b)) {
			if text, ok := strings.CutPrefix(line, "Pss:"); ok {
				n, _ := strconv.ParseFloat(strings.Fields(text)[0], 64)
				sum += n / 1024
			}
		}
	}
	return sum
}

// processor returns the processors' time that the group has had. Unlike the clock it does not count what others do meanwhile.
func (s *server) processor() time.Duration {
	const tick = 10 * time.Millisecond
	sum := time.Duration(0)
	for _, p := range s.processes() {
		b, _ := os.ReadFile(p + "/stat")
		_, after, _ := strings.Cut(string(b), ") ")
		if fields := strings.Fields(after); len(fields) > 12 {
			user, _ := strconv.Atoi(fields[11])
			system, _ := strconv.Atoi(fields[12])
			sum += time.Duration(user+system) * tick
		}
	}
	return sum
}

// agrees returns an error unless the server gives the same answers as another one, to float32's rounding.
func (s *server) agrees(with *server) error {
	random := rand.New(rand.NewPCG(7, 7))
	for range 20 {
		rows := randomRows(random, 1)
		got, err := s.predict(rows)
		if err != nil {
			return err
		}
		want, err := with.predict(rows)
		if err != nil {
			return err
		}
		if math.Abs(got-want) > 1e-4*(1+math.Abs(want)) {
			return fmt.Errorf("%s answers %v to %v, %s %v", s.name, got, rows[0], with.name, want)
		}
	}
	return nil
}

func (s *server) predict(rows [][]float64) (float64, error) {
	answer, err := ask(s.address, request(s.path, s.body(rows)))
	if err != nil {
		return 0, err
	}
	v, ok := s.read(answer)
	if !ok {
		return 0, fmt.Errorf("%s: an answer without a prediction: %s", s.name, answer)
	}
	return v, nil
}

// serveConstant answers every request with the same body, which is as long as a real answer.
func serveConstant(address string) error {
	body := []byte(`{"predictions":[0.1234567890123456]}`)
	return http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // only here
		if _, err := io.ReadAll(r.Body); err != nil {
			log.Print(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
}
