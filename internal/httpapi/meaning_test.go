package httpapi_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"retrain/internal/httpapi"
)

// What fields mean stands in the source once, as comments: go test ./internal/httpapi -update collects them anew, and once more writes
// the description with them.
func TestMeaningsAreThoseOfTheSource(t *testing.T) {
	all, meanings := map[string]map[string]string{}, map[string]string{}
	for _, reached := range httpapi.Reached() {
		at := reached.PkgPath()
		if all[at] == nil {
			all[at] = comments(t, at)
		}
		key := at + "." + reached.Name()
		for _, k := range append([]string{key}, fieldsOf(key, reached)...) {
			if all[at][k] != "" {
				meanings[k] = all[at][k]
			}
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(meanings); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("meanings.json", b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	was, err := os.ReadFile("meanings.json")
	if err != nil || !bytes.Equal(was, b.Bytes()) {
		t.Errorf("meanings.json is not what the source says (%v): go test ./internal/httpapi -update, twice", err)
	}
}

func fieldsOf(key string, t reflect.Type) (keys []string) {
	for f := range t.Fields() {
		keys = append(keys, key+"."+f.Name)
	}
	return keys
}

// comments returns those of a package's structs and of their fields.
func comments(t *testing.T, pkg string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", strings.TrimPrefix(pkg, "retrain"), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if types, ok := d.(*ast.GenDecl); ok && types.Tok == token.TYPE {
				for _, s := range types.Specs {
					commentsOf(found, pkg, types, s.(*ast.TypeSpec))
				}
			}
		}
	}
	return found
}

func commentsOf(found map[string]string, pkg string, d *ast.GenDecl, s *ast.TypeSpec) {
	structure, ok := s.Type.(*ast.StructType)
	if !ok {
		return
	}
	key := pkg + "." + s.Name.Name
	found[key] = first(s.Doc, d.Doc)
	for _, f := range structure.Fields.List {
		for _, name := range f.Names {
			found[key+"."+name.Name] = first(f.Doc, f.Comment)
		}
	}
}

// first returns the text of the first comment that says something, on one line.
func first(all ...*ast.CommentGroup) string {
	for _, c := range all {
		if text := strings.Join(strings.Fields(c.Text()), " "); text != "" {
			return text
		}
	}
	return ""
}
