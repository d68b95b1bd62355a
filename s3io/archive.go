package s3io

import (
	"context"
	"errors"
	"iter"
	"slices"

	"retrain"
)

var (
	_ retrain.Archive    = (*Records)(nil)
	_ retrain.Rememberer = (*Records)(nil)
)

// WasAbsorbed reports whether a batch was absorbed, as far as is known since a moment.
func (r *Records) WasAbsorbed(ctx context.Context, resource, batch string) (bool, error) {
	ix, err := r.recent(ctx, resource)
	if err != nil {
		return false, err
	}
	return r.wasAbsorbed(ctx, ix, batch)
}

// Absorbed returns the ids of the batches of an absorption, in the order of their insertion.
func (r *Records) Absorbed(ctx context.Context, resource string, n int) ([]string, error) {
	ix, err := r.index(ctx, resource)
	if err != nil {
		return nil, err
	}
	var list []batchHead
	if h, err := r.packOf(ctx, ix, n); err != nil {
		return nil, err
	} else if h != nil {
		for _, o := range h.Objects {
			list = append(list, o.Batches...)
		}
	} else {
		for i := range ix.Segments {
			table, err := r.batchTable(ctx, ix.Segments[i].Batches.Key)
			if err != nil {
				return nil, err
			}
			for _, b := range table {
				if b.N == n {
					list = append(list, b.batchHead)
				}
			}
		}
	}
	slices.SortStableFunc(list, func(a, b batchHead) int { return a.compare(&b) })
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids, nil
}

// packOf returns the head of an absorption's pack, and nil where it is no longer kept.
func (r *Records) packOf(ctx context.Context, ix *index, n int) (*packHead, error) {
	i := slices.IndexFunc(ix.Packs, func(p packEntry) bool { return p.N == n })
	if i < 0 {
		return nil, nil //nolint:nilnil // that it is not kept is an answer
	}
	h, err := r.packHead(ctx, &ix.Packs[i])
	if errors.Is(err, retrain.NotFoundError) {
		return nil, nil //nolint:nilnil // cleaned up just now
	}
	return h, err
}

// Brought yields the records that each batch of an absorption brought: from its pack, or from the segments.
func (r *Records) Brought(ctx context.Context, resource string, n int) iter.Seq2[retrain.Brought, error] {
	return func(yield func(retrain.Brought, error) bool) {
		ix, err := r.index(ctx, resource)
		if err == nil {
			var h *packHead
			done := make(map[string]bool)
			if h, err = r.packOf(ctx, ix, n); h != nil {
				err = r.broughtInPack(ctx, ix, h, func(b retrain.Brought, err error) bool {
					done[b.Batch] = true
					return yield(b, err)
				})
			}
			if h == nil && err == nil || errors.Is(err, retrain.NotFoundError) { // cleaned up before, or just now
				err = r.broughtInSegments(ctx, ix, n, func(b retrain.Brought, err error) bool { return done[b.Batch] || yield(b, err) })
			}
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(retrain.Brought{}, err)
		}
	}
}

var errEnough = errors.New("nobody wants more")

func (r *Records) broughtInPack(ctx context.Context, ix *index, h *packHead, yield func(retrain.Brought, error) bool) error {
	i := slices.IndexFunc(ix.Packs, func(p packEntry) bool { return p.N == h.N })
	p := &ix.Packs[i]
	offset := p.Head
	for _, o := range h.Objects {
		body, _, err := r.Bucket.GetRange(ctx, p.File.Key, offset, o.Size)
		if err != nil {
			return err
		}
		offset += o.Size
		in := &part{object: retrain.DataObject{Key: p.File.Key}}
		asked := func(b *batchHead) bool {
			return slices.ContainsFunc(o.Batches, func(is batchHead) bool { return is.ID == b.ID })
		}
		err = in.each(body, asked, false, func(b *batchHead, c *columns) error {
			if !yield(retrain.Brought{Batch: b.ID, Table: c.table()}, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// each decodes those of a part's batches that are asked for, but for deletions.
func (p *part) each(body []byte, asked func(b *batchHead) bool, exact bool, do func(b *batchHead, c *columns) error) error {
	return p.lines(body, func(h batchHeader, lines []byte) error {
		p.header = h
		first := 0
		for i := range h.Batches {
			b := &h.Batches[i]
			if asked(b) && !b.Gone {
				c := newColumns(b.Records)
				c.exact = exact
				if err := c.addLines(lines, h.Records, allBut(h.Records, first, b.Records)); err != nil {
					return err
				}
				if err := do(b, c); err != nil {
					return err
				}
			}
			first += b.Records
		}
		return nil
	})
}

// Came yields the records that each batch of a data set's objects in the log brought.
func (r *Records) Came(ctx context.Context, d retrain.Dataset) iter.Seq2[retrain.Brought, error] {
	return func(yield func(retrain.Brought, error) bool) {
		objects := slices.DeleteFunc(slices.Clone(d.Objects), func(o retrain.DataObject) bool { return isSegment(&o) })
		read := func(ctx context.Context, i int) (brought []retrain.Brought, err error) {
			p := &part{object: objects[i]}
			body, err := r.fetch(ctx, p.object)
			if err != nil {
				return nil, err
			}
			err = p.each(body, p.asked, false, func(b *batchHead, c *columns) error {
				brought = append(brought, retrain.Brought{Batch: b.ID, Table: c.table()})
				return nil
			})
			return brought, err
		}
		for list, err := range inOrder(ctx, len(objects), opened, read) {
			if err != nil {
				yield(retrain.Brought{}, err)
				return
			}
			for _, b := range list {
				if !yield(b, nil) {
					return
				}
			}
		}
	}
}

// allBut returns what leaves out all rows but some.
func allBut(rows, first, n int) []bool {
	if n == rows {
		return nil
	}
	old := make([]bool, rows)
	for i := range old {
		old[i] = i < first || i >= first+n
	}
	return old
}

func (r *Records) broughtInSegments(ctx context.Context, ix *index, n int, yield func(retrain.Brought, error) bool) error {
	for i := range ix.Segments {
		s := &ix.Segments[i]
		table, err := r.batchTable(ctx, s.Batches.Key)
		if err != nil {
			return err
		}
		if s.Rows == 0 || !slices.ContainsFunc(table, func(b segmentBatch) bool { return b.N == n && b.Records > 0 }) {
			continue
		}
		file, err := r.openSegment(ctx, s.object(nil))
		if err != nil {
			return err
		}
		if err := file.brought(ctx, table, n, yield); err != nil {
			return err
		}
	}
	return nil
}

// brought yields the rows of an absorption's batches that still hold.
func (s *segmentFile) brought(ctx context.Context, table []segmentBatch, n int, yield func(retrain.Brought, error) bool) error {
	starts := startsOf(table)
	for group, first := range s.first {
		rows := int(s.file.RowGroups()[group].NumRows())
		from := batchAt(starts, first)
		var t *retrain.Table
		for i := from; i < len(table) && starts[i] < first+rows; i++ {
			if table[i].N != n || table[i].Records == 0 {
				continue
			}
			if t == nil {
				c, _, err := s.read(ctx, group, false, false)
				if err != nil {
					return err
				}
				t = c.table()
			}
			var some []int
			for pos := max(starts[i], first); pos < min(starts[i]+table[i].Records, first+rows); pos++ {
				if !s.without.has(pos) {
					some = append(some, pos-first)
				}
			}
			if !yield(retrain.Brought{Batch: table[i].ID, Table: picked(t, some)}, nil) {
				return errEnough
			}
		}
	}
	return nil
}
