// Command reference writes what people look up, from the code itself:
//
//	go run ./internal/reference docs
//
// configuration.md is for people, retrain.schema.json for editors; metrics.md says what Prometheus is told.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/invopop/jsonschema"

	"retrain/internal/app"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: reference FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	s, err := schema(".")
	if err != nil {
		return err
	}
	written := files(s)
	if written["metrics.md"], err = metrics(); err != nil {
		return err
	}
	for name, text := range written {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil { //nolint:gosec // everybody may read it
			return err
		}
	}
	return nil
}

// files returns the reference, by the names of its files.
func files(s *jsonschema.Schema) map[string][]byte {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil { // a schema can be written
		panic(err)
	}
	return map[string][]byte{"retrain.schema.json": append(b, '\n'), "configuration.md": page(s)}
}

// schema describes retrain.yaml; root is the folder of the module, whose comments say what each key means.
func schema(root string) (*jsonschema.Schema, error) {
	was, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if err := os.Chdir(root); err != nil { // the comments are looked up by relative paths
		return nil, err
	}
	defer os.Chdir(was) //nolint:errcheck // it was there
	r := &jsonschema.Reflector{Anonymous: true}
	for _, folder := range []string{"./", "./internal/app"} {
		if err := r.AddGoComments("retrain", folder); err != nil {
			return nil, err
		}
	}
	r.Mapper = ours
	s := r.Reflect(&app.Config{})
	s.Title = "retrain.yaml"
	return s, nil
}
