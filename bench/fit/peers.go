package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

//go:embed peers.py
var peers []byte

// theirs trains in a process of its own.
func theirs(ctx context.Context, python, peer string, data []float32, epochs int) (Result, error) {
	r := Result{Epochs: epochs}
	dir, err := os.MkdirTemp("", "bench-fit-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, data); err != nil {
		return r, err
	}
	path, script := filepath.Join(dir, "data"), filepath.Join(dir, "peers.py")
	for name, content := range map[string][]byte{path: b.Bytes(), script: peers} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return r, err
		}
	}
	cmd := exec.CommandContext(ctx, python, script, peer, path, strconv.Itoa(rows), strconv.Itoa(epochs))
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("%w: %s", err, talk.String())
	}
	return r, json.Unmarshal(out, &r)
}
