package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"retrain"
	"retrain/api"
)

// Short names for pieces of the description, which is written as JSON.
type (
	object = map[string]any
	list   = []any
)

// Description returns what the control server does, as OpenAPI 3.1 has it.
func Description() map[string]any {
	s := schemas31{named: object{}}
	paths := object{}
	for _, o := range new(Control).Operations() {
		at, _ := paths[o.Path].(object)
		if at == nil {
			at = object{}
			paths[o.Path] = at
		}
		at[strings.ToLower(o.Method)] = s.operation(&o)
	}
	return object{
		"openapi": "3.1.0",
		"info": object{"title": "Retrain", "version": "1", "summary": "Models that keep themselves trained",
			"description": "What `producer serve` does. Prediction workers answer questions at an address of their own, also as TensorFlow Serving and the Open Inference Protocol have them."},
		"servers":  list{object{"url": "/"}},
		"security": list{object{"bearer": list{}}, object{"header": list{}}},
		"paths":    paths,
		"x-errors": titles,
		"components": object{
			"schemas":   s.withProblem(),
			"responses": object{"problem": object{"description": "what is wrong, as RFC 9457 has it", "content": content("application/problem+json", ref("Problem"))}},
			"securitySchemes": object{
				"bearer": object{"type": "http", "scheme": "bearer", "description": "an API key: producer keys create. On a machine of one's own none is needed until there is one"},
				"header": object{"type": "apiKey", "in": "header", "name": "X-API-Key"},
			},
		},
	}
}

func (s *schemas31) withProblem() object {
	s.of(typeOf(api.Problem{}))
	return s.named
}

func (s *schemas31) operation(o *Operation) object {
	problem := object{"$ref": "#/components/responses/problem"}
	d := object{"operationId": o.Name, "summary": o.Does, "tags": list{tagOf(o.Path)}, "responses": object{s.status(o): s.success(o), "4XX": problem, "5XX": problem}}
	if o.Nothing {
		d["responses"].(object)["204"] = object{"description": "there was nothing to do"} //nolint:forcetypeassert // it was made above
	}
	if o.Needs != "" {
		d["description"] = "Needs a key with the role " + string(o.Needs) + ", where keys are needed."
	} else {
		d["security"] = list{}
	}
	if p := s.parameters(o); len(p) > 0 {
		d["parameters"] = p
	}
	if o.Takes != nil {
		d["requestBody"] = s.request(o)
	}
	return d
}

// tagOf groups operations by what they are about.
func tagOf(path string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, "/v1"), "/"), "/")
	switch name {
	case "models", "runs", "resources", "events", "keys":
		return name
	}
	return "server"
}

func (*schemas31) status(o *Operation) string {
	switch {
	case o.Status != 0:
		return strconv.Itoa(o.Status)
	case o.Gives == nil:
		return "204"
	}
	return "200"
}

func (s *schemas31) success(o *Operation) object {
	d := object{"description": "it " + o.Does}
	switch {
	case o.As == eventStream:
		s.of(typeOf(o.Gives)) // what stands in data
		d["content"] = content(eventStream, object{"type": "string"})
	case o.As == ndjson:
		d["content"] = content(ndjson, object{"type": "string"})
	case o.Gives != nil:
		d["content"] = content("application/json", s.of(typeOf(o.Gives)))
	}
	return d
}

func content(kind string, schema object) object { return object{kind: object{"schema": schema}} }

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// The operations whose body may be left out, and those that know a batch again.
var (
	optionalBody = map[string]bool{"train": true, "rollback": true}
	idempotent   = map[string]bool{"insert": true, "replaceRecords": true, "changeRecords": true, "deleteRecords": true, "replaceRecord": true, "changeRecord": true, "deleteRecord": true}
)

func (s *schemas31) request(o *Operation) object {
	c := content("application/json", atLeast(s.of(typeOf(o.Takes)), "1"))
	if _, records := o.Takes.([]retrain.Record); records {
		c[ndjson] = object{"schema": object{"type": "string", "description": "a JSON object a line"}}
	}
	if o.Name == "apply" {
		c["application/yaml"] = object{"schema": object{"type": "string"}}
	}
	return object{"required": !optionalBody[o.Name], "content": c}
}

func (s *schemas31) parameters(o *Operation) (all list) {
	for part := range strings.SplitSeq(o.Path, "/") {
		part, _, _ = strings.Cut(part, ":")
		if name, ok := strings.CutPrefix(part, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			schema := object{"type": "string", "minLength": 1}
			switch {
			case name == "version" && o.Name == "getPortrait":
				schema["pattern"] = `^(champion|[1-9]\d{0,8})$`
			case name == "version":
				schema = object{"type": "integer", "minimum": 1}
			}
			all = append(all, object{"name": name, "in": "path", "required": true, "schema": schema})
		}
	}
	for _, p := range o.Query {
		all = append(all, object{"name": p.Name, "in": "query", "description": p.Means, "schema": atLeast(s.of(typeOf(p.Of)), p.Least)})
	}
	if idempotent[o.Name] {
		all = append(all, object{"name": "Idempotency-Key", "in": "header", "description": "the id of the batch: sent again it changes nothing", "schema": object{"type": "string", "maxLength": 80}})
	}
	if o.Name == "followEvents" {
		all = append(all, object{"name": "Last-Event-ID", "in": "header", "description": "go on after the event of this id", "schema": object{"type": "string", "pattern": `^\d{1,19}-\d{1,19}$`}})
	}
	return all
}

// openapi answers with the description.
func openapi(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, Description())
}
