package dialect

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"retrain"
)

func invalid(format string, args ...any) *retrain.Error {
	return retrain.Errorf(retrain.DataValidationError, format, args...)
}

// read decodes a request. example says how one looks.
func read(body []byte, into any, example string) error {
	err := jsonv2.Unmarshal(body, into)
	if _, bad := errors.AsType[*jsontext.SyntacticError](err); bad && bytes.Contains(body, nan) {
		body = withoutNaN(body)
		err = jsonv2.Unmarshal(body, into)
	}
	if err == nil {
		return nil
	}
	return invalid("the request cannot be read: %s", plain(err)).WithHint("%s", hint(body, err, example))
}

var nan = []byte("NaN")

// withoutNaN returns a text with null in the place of NaN, which Python writes, TensorFlow Serving takes and JSON does not have. It
// means a value that is missing, as in the SavedModel.
func withoutNaN(body []byte) []byte {
	text := make([]byte, 0, len(body)+64)
	inside := false // a string
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inside && c == '\\' && i+1 < len(body):
			text = append(text, c, body[i+1])
			i++
			continue
		case c == '"':
			inside = !inside
		case !inside && bytes.HasPrefix(body[i:], nan):
			text = append(text, "null"...)
			i += len(nan) - 1
			continue
		}
		text = append(text, body[i])
	}
	return text
}

// plain says what is wrong with a text, without the types that it was decoded into.
func plain(err error) string {
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return strings.TrimPrefix(e.Error(), "jsontext: ")
	}
	e, ok := errors.AsType[*jsonv2.SemanticError](err)
	if !ok {
		return err.Error()
	}
	at := string(e.JSONPointer)
	if at == "" {
		at = "it"
	}
	if len(e.JSONValue) > 0 && e.JSONKind == jsontext.KindNumber {
		return at + " is the number " + string(e.JSONValue) + ", which cannot be used there"
	}
	return at + " is " + kinds[e.JSONKind]
}

// kinds are the words for what stands in a JSON text.
var kinds = map[jsontext.Kind]string{
	jsontext.KindNull: "null", jsontext.KindFalse: "a boolean", jsontext.KindTrue: "a boolean", jsontext.KindString: "a text",
	jsontext.KindNumber: "a number", jsontext.KindBeginObject: "an object", jsontext.KindBeginArray: "a list",
}

// hint returns what to do about an error. TensorFlow Serving takes Infinity where JSON has no such number; no answer comes of it.
func hint(body []byte, err error, example string) string {
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok && e.ByteOffset <= int64(len(body)) {
		rest := bytes.TrimLeft(body[e.ByteOffset:], "-+, \t\r\n")
		if bytes.HasPrefix(rest, []byte("Infinity")) {
			return "no prediction comes of Infinity; leave out what is not known"
		}
	}
	return example
}

// unwrapped replaces {"b64":"…"} by the text that it stands for, which is how TensorFlow Serving's clients send any bytes.
func unwrapped(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		text, ok := v["b64"].(string)
		if !ok || len(v) != 1 {
			return v, nil
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, invalid("b64: %q is not base64", short(text))
		}
		return string(b), nil
	case []any:
		for i := range v {
			var err error
			if v[i], err = unwrapped(v[i]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// short cuts what somebody sent, for a message.
func short(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// Write returns a value as JSON and a line's end. Its numbers must be finite.
func Write(v any) ([]byte, error) {
	b, err := jsonv2.Marshal(v, jsonv2.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	return append(b, '\n'), err
}
