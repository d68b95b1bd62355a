package mlcore

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	tf "github.com/tensorflow/tensorflow/tensorflow/go"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	xlaFlags     = "TF_XLA_FLAGS" // TensorFlow reads it when it compiles for the first time
	mostCompiled = 1 << 30        // bytes that are kept
)

// KeepCompiled makes this process keep what XLA compiles in a folder of dir, and find there what it compiled before it was
// started anew. Call it before the first fit. It does nothing where the user has set TF_XLA_FLAGS. Each kind of machine and
// version of TensorFlow has a folder of its own, since what is compiled for one processor can be wrong for another.
func KeepCompiled(dir string) error {
	if _, set := os.LookupEnv(xlaFlags); set {
		return nil
	}
	dir, err := filepath.Abs(filepath.Join(dir, machine()))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := tidyCompiled(dir); err != nil {
		return err
	}
	return os.Setenv(xlaFlags, `--tf_xla_persistent_cache_directory="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(dir)+`"`)
}

// machine names what compiled code depends on besides the program.
func machine() string {
	h := sha256.New()
	h.Write([]byte(tf.Version() + runtime.GOARCH))
	cpu, _ := os.ReadFile("/proc/cpuinfo") // where there is none, the architecture has to do
	gpus, _ := filepath.Glob("/proc/driver/nvidia/gpus/*/information")
	for _, key := range []string{"model name", "flags", "Features"} {
		h.Write([]byte(lineOf(string(cpu), key)))
	}
	for _, file := range gpus {
		b, _ := os.ReadFile(file)
		h.Write([]byte(lineOf(string(b), "Model:")))
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// lineOf returns the first line that begins with key, or "".
func lineOf(text, key string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, key) {
			return line
		}
	}
	return ""
}

// tidyCompiled removes what was cut off, because TensorFlow would fail to train with it, and the oldest beyond mostCompiled.
func tidyCompiled(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() { // others are none of TensorFlow's, or just gone
			files = append(files, info)
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	var total int64
	for _, f := range files {
		total += f.Size()
		file := filepath.Join(dir, f.Name())
		if total <= mostCompiled && wholeMessage(file) {
			continue
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// wholeMessage reports whether a file is a protocol buffer to its end.
func wholeMessage(file string) bool {
	b, err := os.ReadFile(file)
	if err != nil || len(b) == 0 {
		return false
	}
	for len(b) > 0 {
		_, _, n := protowire.ConsumeField(b)
		if n < 0 {
			return false
		}
		b = b[n:]
	}
	return true
}
