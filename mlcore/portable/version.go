package portable

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"retrain"
	"retrain/mlcore/prep"
)

// The files of a version that are read here.
const (
	manifestFile  = "manifest.json"
	graphFile     = "saved_model.pb"
	variablesFile = "variables/variables.data-00000-of-00001"
)

// Of returns the model of a version's folder, whose files were compared with the manifest.
//
// Its weights are read without TensorFlow: the file of variables is the arrays one after the other, and the version's details
// say in which order. (The index beside it says the same in TensorFlow's own table format, for TensorFlow.)
func Of(v retrain.Version) (*Model, error) {
	mf := v.Manifest
	m := &Model{Format: Format, FormatVersion: FormatVersion, Type: mf.Spec.Type, Spec: mf.Spec, Preparation: new(prep.Preparation),
		Architecture: mf.Fit.Details, Lineage: Lineage{From: "retrain", Model: mf.Model, Version: mf.Version, RequestedAt: mf.RequestedAt, Reason: mf.Reason,
			Dataset: mf.Dataset, Origin: mf.Origin}}
	if err := json.Unmarshal(mf.Fit.Preparation, m.Preparation); err != nil {
		return nil, invalid("the manifest's preparation: %w", err)
	}
	var err error
	if m.Stats, err = stats(mf.Fit); err != nil {
		return nil, err
	}
	if m.Weights, err = weightsIn(v); err != nil {
		return nil, err
	}
	return m, m.check()
}

// stats returns a fit as JSON, without what has a place of its own in the file.
func stats(f retrain.Fit) (json.RawMessage, error) {
	f.Preparation, f.Details, f.Champion = nil, nil, nil
	b, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return nil, err
	}
	delete(members, "preparation")
	delete(members, "details")
	return json.Marshal(members)
}

// weightsIn cuts a version's file of variables into its arrays.
func weightsIn(v retrain.Version) ([]Tensor, error) {
	var details struct {
		Weights []Shape `json:"weights"`
	}
	if err := json.Unmarshal(v.Manifest.Fit.Details, &details); err != nil || len(details.Weights) == 0 {
		return nil, invalid("the manifest does not say which weights there are").WithHint("train the model again: later versions can be exported")
	}
	b, err := os.ReadFile(filepath.Join(v.Dir, filepath.FromSlash(variablesFile)))
	if err != nil {
		return nil, invalid("the version has no weights: %w", err)
	}
	tensors, at := make([]Tensor, len(details.Weights)), 0
	for i, s := range details.Weights {
		n, err := size(s.Name, s.Shape)
		if err != nil {
			return nil, err
		}
		if 4*n > len(b)-at {
			return nil, invalid("%s ends in the middle of %q", variablesFile, s.Name)
		}
		numbers, err := numbersOf(s.Name, b[at:at+4*n])
		if err != nil {
			return nil, err
		}
		tensors[i] = NewTensor(s.Name, s.Shape, numbers)
		at += 4 * n
	}
	if at != len(b) {
		return nil, invalid("%s has %d bytes more than the weights take", variablesFile, len(b)-at)
	}
	return tensors, nil
}

// Open reads a folder that was exported as a SavedModel. It must be what was written: each file is compared with the manifest's
// digest, and the graph may have no other operations than ours have. The graph is only looked at: what is made of the folder
// are its numbers.
func Open(dir string) (*Model, error) {
	root, err := os.OpenRoot(dir) // no name leads out of it
	if err != nil {
		return nil, invalid("%w", err)
	}
	defer root.Close() //nolint:errcheck // it was only read
	b, err := readIn(root, manifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, invalid("%s has no %s: only folders that producer export wrote can be imported", dir, manifestFile)
	} else if err != nil {
		return nil, err
	}
	var mf retrain.Manifest
	if err := decode(b, &mf); err != nil {
		return nil, err
	}
	if mf.Format != 1 {
		return nil, invalid("%s has format %d, this program reads 1", manifestFile, mf.Format)
	}
	if err := compare(root, mf.Files); err != nil {
		return nil, err
	}
	graph, err := readIn(root, graphFile)
	if err != nil {
		return nil, err
	}
	if err := CheckGraph(graph); err != nil {
		return nil, err
	}
	return Of(retrain.Version{Dir: dir, Manifest: &mf})
}

// compare returns a DataValidationError unless the files are those that the manifest lists.
func compare(root *os.Root, files map[string]retrain.File) error {
	for _, needed := range []string{graphFile, variablesFile} {
		if _, ok := files[needed]; !ok {
			return invalid("the manifest lists no %s", needed)
		}
	}
	for name, want := range files {
		b, err := readIn(root, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		if got := (retrain.File{Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}); got != want {
			return invalid("%s is not what was exported: %d bytes, sha256 %s; the manifest says %d, %s", name, got.Size, got.SHA256, want.Size, want.SHA256)
		}
	}
	return nil
}

func readIn(root *os.Root, name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, invalid("the manifest names a file outside of its folder: %q", name)
	}
	info, err := root.Stat(filepath.FromSlash(name))
	switch {
	case err != nil:
		return nil, invalid("%w", err)
	case !info.Mode().IsRegular() || info.Size() > MostBytes:
		return nil, invalid("%s is no file, or larger than %d MiB", name, MostBytes>>20)
	}
	b, err := root.ReadFile(filepath.FromSlash(name))
	if err != nil {
		return nil, invalid("%w", err)
	}
	return b, nil
}
