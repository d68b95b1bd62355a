package check_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// strictly returns what Kubernetes' own types, those of Prometheus' operator or KEDA's schemas say against an object: unknown
// fields, fields that come twice, wrong types.
func strictly(o object) error {
	if s, err := kedaSchemas(); err != nil {
		return err
	} else if schema := s[o.APIVersion+"/"+o.Kind]; schema != nil {
		var v any
		if err := yaml.UnmarshalStrict(o.text, &v); err != nil {
			return err
		}
		return schema.Validate(v)
	}
	_, _, err := decoder().Decode(o.text, nil, nil)
	return err
}

var decoder = sync.OnceValue(func() runtime.Decoder {
	if err := monitoring.AddToScheme(scheme.Scheme); err != nil {
		panic(err)
	}
	return serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
})

// kedaSchemas returns the schemas of KEDA's custom resources, by apiVersion and kind.
var kedaSchemas = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	files, err := filepath.Glob("testdata/crds/*.yaml")
	if err != nil {
		return nil, err
	}
	all := map[string]*jsonschema.Schema{}
	for _, f := range files {
		if err := addSchemas(all, f); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
	}
	return all, nil
})

func addSchemas(all map[string]*jsonschema.Schema, file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var crd struct {
		Spec struct {
			Group    string                `json:"group"`
			Names    struct{ Kind string } `json:"names"`
			Versions []struct {
				Name   string `json:"name"`
				Schema struct {
					OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(b, &crd); err != nil {
		return err
	}
	for _, v := range crd.Spec.Versions {
		schema := closed(v.Schema.OpenAPIV3Schema).(map[string]any)
		schema["properties"].(map[string]any)["metadata"] = map[string]any{"type": "object"}
		name := crd.Spec.Group + "/" + v.Name + "/" + crd.Spec.Names.Kind
		c := jsonschema.NewCompiler()
		if err := c.AddResource(name, schema); err != nil {
			return err
		}
		if all[name], err = c.Compile(name); err != nil {
			return err
		}
	}
	return nil
}

// closed returns a schema of a custom resource as JSON Schema: fields that it does not name are errors, which a server would
// drop without a word.
func closed(schema any) any {
	switch s := schema.(type) {
	case []any:
		for i := range s {
			s[i] = closed(s[i])
		}
	case map[string]any:
		for k, v := range s {
			s[k] = closed(v)
		}
		if s["x-kubernetes-int-or-string"] == true {
			delete(s, "type")
			s["anyOf"] = []any{map[string]any{"type": "integer"}, map[string]any{"type": "string"}}
		}
		_, named := s["properties"].(map[string]any)
		_, open := s["additionalProperties"]
		if named && s["type"] == "object" && !open && s["x-kubernetes-preserve-unknown-fields"] != true {
			s["additionalProperties"] = false
		}
		delete(s, "format")
	}
	return schema
}
