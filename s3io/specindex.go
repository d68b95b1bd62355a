package s3io

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"retrain"
)

// All specs stand together in one object, so that whoever looks every two seconds asks once, however many there are, and is sent
// nothing as long as nothing has changed. The objects of their own remain the truth: this one is made from them, moved by
// compare-and-swap, and made anew where it is missing. Programs that know nothing of it write only those; Gather finds that.
//
// It lies where the roles could read and write before it existed, and where no resource can be.
const togetherKey = "resources/.specs.json"

const (
	modelsFolder    = "models/"
	resourcesFolder = "resources/"
)

// A specIndex is its content. Readers that do not know its format read the specs one by one, and leave it to others.
type specIndex struct {
	Format int                        `json:"format"` // 1
	Specs  map[string]json.RawMessage `json:"specs"`  // as they stand in their folders, by "models/price/" and "resources/products/"
}

const specsFormat = 1

// UnmarshalJSON reads no more than the format where that is not ours.
func (ix *specIndex) UnmarshalJSON(body []byte) error {
	var is struct {
		Format int             `json:"format"`
		Specs  json.RawMessage `json:"specs"`
	}
	err := json.Unmarshal(body, &is)
	if ix.Format = is.Format; err != nil || ix.Format != specsFormat {
		return err
	}
	return json.Unmarshal(is.Specs, &ix.Specs)
}

// index returns all specs and the ETag of the object that they came from; none where each was read for itself.
func (s *Specs) index(ctx context.Context) (*specIndex, ETag, error) {
	index, e, err := s.together.get(ctx, s.Bucket, togetherKey)
	if err != nil || index != nil && index.Format == specsFormat {
		return index, e, err
	}
	folders, err := s.folders(ctx)
	if err != nil {
		return nil, "", err
	}
	index = &specIndex{Format: specsFormat}
	_, err = index.take(ctx, s.Bucket, folders)
	return index, "", err
}

// folders lists the folders of resources and models. Some hold no spec: what was never applied, or what is left of the disposed.
func (s *Specs) folders(ctx context.Context) (folders []string, err error) {
	for _, under := range []string{modelsFolder, resourcesFolder} {
		for name, err := range foldersUnder(ctx, s.Bucket, under) {
			if err != nil {
				return nil, err
			}
			folders = append(folders, under+name+"/")
		}
	}
	return folders, nil
}

// take reads the specs of some folders, and reports whether any differs from what the index had. Whatever is no spec is an error,
// and stays as it was.
func (ix *specIndex) take(ctx context.Context, b Bucket, folders []string) (changed bool, err error) {
	if ix.Specs == nil {
		ix.Specs = make(map[string]json.RawMessage)
	}
	var broken []error
	i := 0
	for body, err := range inOrder(ctx, len(folders), fetches, func(ctx context.Context, i int) ([]byte, error) {
		body, _, err := b.Get(ctx, folders[i]+specName)
		if errors.Is(err, retrain.NotFoundError) {
			err = nil
		}
		return body, err
	}) {
		if err != nil {
			return false, err
		}
		folder := folders[i]
		i++
		was, had := ix.Specs[folder]
		if body == nil {
			delete(ix.Specs, folder)
			changed = changed || had
			continue
		}
		spec, err := compacted(folder, body)
		if err != nil {
			broken = append(broken, err)
		} else if !bytes.Equal(was, spec) {
			ix.Specs[folder], changed = spec, true
		}
	}
	return changed, errors.Join(broken...)
}

// compacted returns a folder's spec without white space.
func compacted(folder string, body []byte) (json.RawMessage, error) {
	var into bytes.Buffer
	if _, err := parseSpecs(map[string]json.RawMessage{folder: body}, nil); err != nil {
		return nil, err
	}
	err := json.Compact(&into, body)
	return into.Bytes(), err
}

// gather brings the index up to date with the specs of some folders. It is read before them, and moved only where nobody has moved
// it since: so of any number who are at it, and of whatever they have stored before, the latest is in it in the end.
func (s *Specs) gather(ctx context.Context, folders []string) error {
	for range mostMoves {
		was, e, err := s.together.get(ctx, s.Bucket, togetherKey)
		if err != nil || was != nil && was.Format != specsFormat {
			return err
		}
		next, cond := specIndex{Format: specsFormat}, IfAbsent
		if was != nil {
			next.Specs, cond = maps.Clone(was.Specs), IfMatch(e)
		} else if folders, err = s.folders(ctx); err != nil { // the first: everything
			return err
		}
		changed, broken := next.take(ctx, s.Bucket, folders)
		if broken != nil && was == nil || !changed && was != nil {
			return broken
		}
		body, err := next.marshal()
		if err == nil {
			_, err = s.Bucket.Put(ctx, togetherKey, body, cond)
		}
		if !errors.Is(err, retrain.ConflictError) {
			return errors.Join(err, broken)
		}
	}
	return retrain.Errorf(retrain.ConflictError, "%s: %d times somebody else was first", togetherKey, mostMoves).WithHint("try again")
}

// put puts specs, which were read or stored since the index was, into it, or returns a ConflictError where that is not as it was: then
// others may have stored them since. They need not be read again for that.
func (s *Specs) put(ctx context.Context, was *specIndex, e ETag, bodies map[string][]byte) error {
	if was == nil || was.Format != specsFormat {
		return retrain.Errorf(retrain.ConflictError, "%s: there is none", togetherKey)
	}
	next, changed := specIndex{Format: specsFormat, Specs: maps.Clone(was.Specs)}, false
	for folder, body := range bodies {
		spec, err := compacted(folder, body)
		if err != nil {
			return err
		}
		if !bytes.Equal(next.Specs[folder], spec) {
			next.Specs[folder], changed = spec, true
		}
	}
	if !changed {
		return nil
	}
	body, err := next.marshal()
	if err == nil {
		_, err = s.Bucket.Put(ctx, togetherKey, body, IfMatch(e))
	}
	return err
}

// marshal writes the specs as they are: what is compared later must not be escaped meanwhile.
func (ix *specIndex) marshal() ([]byte, error) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	err := e.Encode(ix)
	return body.Bytes(), err
}

// How many specs Gather reads again each time.
const gatherAgain = 200

// Gather brings the index up to date with what was written by those who know nothing of it, as programs of an older version, or
// who died between the two: all specs the first time, then those that are new, and a few of the others, in turn. What it costs
// does not grow with the number of specs, but for the listing of their folders.
func (s *Specs) Gather(ctx context.Context) error {
	folders, err := s.folders(ctx)
	if err != nil {
		return err
	}
	index, _, err := s.together.get(ctx, s.Bucket, togetherKey)
	if err != nil {
		return err
	}
	if index != nil {
		for folder := range index.Specs {
			folders = append(folders, folder) // some may be gone
		}
	}
	slices.Sort(folders)
	due, cursor := s.due(slices.Compact(folders))
	if err := s.gather(ctx, due); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gathered == nil {
		s.gathered = make(map[string]struct{})
	}
	for _, folder := range due {
		s.gathered[folder] = struct{}{}
	}
	s.cursor = cursor
	return nil
}

// due returns which of the folders, which are sorted, Gather looks at now, and where it goes on the next time.
func (s *Specs) due(folders []string) (due []string, cursor string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var known []string
	for _, folder := range folders {
		if _, is := s.gathered[folder]; is {
			known = append(known, folder)
		} else {
			due = append(due, folder)
		}
	}
	from, _ := slices.BinarySearch(known, s.cursor+"\x00")
	again := known[from:]
	if len(again) > gatherAgain {
		return append(due, again[:gatherAgain]...), again[gatherAgain-1]
	}
	more := known[:min(from, gatherAgain-len(again))] // round to the beginning
	if len(more) > 0 {
		cursor = more[len(more)-1]
	}
	return append(append(due, again...), more...), cursor
}
