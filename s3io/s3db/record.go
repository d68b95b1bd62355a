package s3db

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"retrain"
)

// A Stored is a record as it lies in S3.
type Stored struct {
	ID       string
	Metadata map[string]string
	Body     []byte
}

// A decoder decodes one record.
type decoder struct {
	version    *version
	passphrase string
}

// missing is what an attribute has that is not to be in the record.
type missing struct{}

// Decode returns a record, by the attributes of the version that it was written with. Secrets are opened with the passphrase,
// and left out when it is empty. What cannot be decoded is a DataValidationError that names the attribute.
func (r *Resource) Decode(s Stored, passphrase string) (retrain.Record, error) {
	name := s.Metadata["_v"]
	if name == "" {
		name = r.current
	}
	v, ok := r.versions[name]
	if !ok {
		return nil, retrain.Errorf(retrain.DataValidationError, "%s does not know the version %q that it was written with", MetadataKey, name)
	}
	d := &decoder{version: v, passphrase: passphrase}
	record := retrain.Record{"id": s.ID}
	if err := d.metadata(record, s.Metadata); err != nil {
		return nil, err
	}
	if err := d.body(record, s); err != nil {
		return nil, err
	}
	record["id"] = s.ID // whatever a schema calls its attributes: id.b would have made an object of it
	return record, nil
}

// metadata adds what stands in S3 metadata.
func (d *decoder) metadata(record retrain.Record, metadata map[string]string) error {
	for short, v := range metadata {
		if strings.HasPrefix(short, "_") {
			continue
		}
		path, known := d.version.paths[short]
		if !known {
			path = short
		}
		text, there, err := plain(v)
		if err == nil && there {
			err = d.add(record, path, text)
		}
		if err != nil {
			return atAttribute(path, err)
		}
	}
	return nil
}

// body adds what stands in the body: what was too long for the metadata, by its short name; or, after an update, once more the
// whole record by its attributes' own names. What stands in the metadata wins. A body beside a whole record may also be a file
// that belongs to it.
func (d *decoder) body(record retrain.Record, s Stored) error {
	if len(bytes.TrimSpace(s.Body)) == 0 {
		return nil
	}
	var fields map[string]any
	if err := json.Unmarshal(s.Body, &fields); err != nil {
		if len(record) > 1 && s.Metadata["_overflow"] == "" {
			return nil
		}
		return retrain.Errorf(retrain.DataValidationError, "its body: %w", err)
	}
	for short, v := range fields {
		if _, again := s.Metadata[short]; again || strings.HasPrefix(short, "_") {
			continue
		}
		if path, known := d.version.paths[short]; known {
			if err := d.add(record, path, v); err != nil {
				return atAttribute(path, err)
			}
		}
	}
	for name, v := range fields {
		_, short := d.version.paths[name]
		secret := strings.Contains(d.version.types[name], "secret") // an update has written it in clear: that is not ours to spread
		if !short && !secret && !strings.HasPrefix(name, "_") && name != "id" && record.At(name) == nil {
			set(record, name, v)
		}
	}
	return nil
}

// add decodes a value and puts it into the record.
func (d *decoder) add(record retrain.Record, path string, v any) error {
	if text, ok := v.(string); ok {
		var err error
		if v, err = d.value(d.version.types[path], text); err != nil {
			return err
		}
	}
	if v != (missing{}) && path != "id" {
		set(record, path, v)
	}
	return nil
}

// set puts a value to its path.
func set(record retrain.Record, path string, v any) {
	names := strings.Split(path, ".")
	object := map[string]any(record)
	for _, name := range names[:len(names)-1] {
		inner, ok := object[name].(map[string]any)
		if !ok {
			inner = make(map[string]any)
			object[name] = inner
		}
		object = inner
	}
	object[names[len(names)-1]] = v
}

// atAttribute says where an error is, and keeps its advice.
func atAttribute(path string, err error) error {
	if e, ok := errors.AsType[*retrain.Error](err); ok {
		return retrain.Errorf(e.Code, "attribute %s: %s", path, e.Message).WithHint("%s", e.Hint)
	}
	return retrain.Errorf(retrain.DataValidationError, "%w", fmt.Errorf("attribute %s: %w", path, err))
}
