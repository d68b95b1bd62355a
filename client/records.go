package client

import (
	"bufio"
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"retrain"
	"retrain/api"
)

// Apply declares what stands in a retrain.yaml, or the same as JSON.
func (c *Client) Apply(ctx context.Context, yaml []byte) (a api.Applied, err error) {
	return a, c.do(ctx, &call{method: http.MethodPost, url: c.at("/v1/apply"), body: yaml, again: true, header: http.Header{"Content-Type": {"text/yaml"}}, into: &a})
}

// DeclareModel declares a model under m.Name, whose resource must be declared.
func (c *Client) DeclareModel(ctx context.Context, m *retrain.Model) (a api.Applied, err error) {
	return a, c.do(ctx, &call{method: http.MethodPut, url: c.at(path("models", m.Name)), body: m, again: true, into: &a})
}

// DeclareResource declares a resource under r.Name.
func (c *Client) DeclareResource(ctx context.Context, r *retrain.Resource) (a api.Applied, err error) {
	return a, c.do(ctx, &call{method: http.MethodPut, url: c.at(path("resources", r.Name)), body: r, again: true, into: &a})
}

// Resources lists the resources.
func (c *Client) Resources(ctx context.Context) ([]retrain.Resource, error) {
	var all api.Resources
	err := c.get(ctx, "/v1/resources", &all)
	return all.Resources, err
}

// Insert stores records: all of them, or none. It may be called again after an error: the records of one batch are stored and counted
// once. batch is its id; "" makes one up, under which the client itself sends it again. A *Refusal says which records are wrong.
func (c *Client) Insert(ctx context.Context, resource, batch string, records ...retrain.Record) (in retrain.Inserted, err error) {
	return in, c.change(ctx, http.MethodPost, resource, batch, records, &in)
}

// Update changes fields of the records with these ids.
func (c *Client) Update(ctx context.Context, resource, batch string, records ...retrain.Record) (u retrain.Updated, err error) {
	return u, c.change(ctx, http.MethodPatch, resource, batch, records, &u)
}

// Replace puts records in the place of those with their ids.
func (c *Client) Replace(ctx context.Context, resource, batch string, records ...retrain.Record) (u retrain.Updated, err error) {
	return u, c.change(ctx, http.MethodPut, resource, batch, records, &u)
}

// Delete deletes the records with these ids.
func (c *Client) Delete(ctx context.Context, resource, batch string, ids ...string) (u retrain.Updated, err error) {
	return u, c.change(ctx, http.MethodDelete, resource, batch, ids, &u)
}

func (c *Client) change(ctx context.Context, method, resource, batch string, body, into any) error {
	return c.do(ctx, &call{method: method, url: c.at(path("resources", resource, "records")), body: body, again: true, header: key(batch), into: into})
}

// Count counts the records of a resource, or of a partition of it.
func (c *Client) Count(ctx context.Context, resource string, p *retrain.PartitionRef) (int, error) {
	var n api.Count
	err := c.get(ctx, path("resources", resource, "count")+"?"+partition(p).Encode(), &n)
	return n.Count, err
}

// Fields tells which kinds of values the fields of a resource's records have.
func (c *Client) Fields(ctx context.Context, resource string) ([]api.Field, error) {
	var f api.Fields
	err := c.get(ctx, path("resources", resource, "fields"), &f)
	return f.Fields, err
}

func partition(p *retrain.PartitionRef) url.Values {
	q := url.Values{}
	if p != nil {
		q.Set("partition", p.Name)
		pairs := make([]string, 0, len(p.Values))
		for _, k := range slices.Sorted(maps.Keys(p.Values)) {
			pairs = append(pairs, k+"="+retrain.ValueText(p.Values[k]))
		}
		q.Set("values", strings.Join(pairs, ","))
	}
	return q
}

// The longest record that is read.
const longestRecord = 64 << 20

// Records yields what is stored in a resource, or in a partition of it, at most so many records; 0 for all. It ends after an error.
func (c *Client) Records(ctx context.Context, resource string, p *retrain.PartitionRef, limit int) iter.Seq2[retrain.Record, error] {
	return func(yield func(retrain.Record, error) bool) {
		q := partition(p)
		q.Set("limit", strconv.Itoa(limit))
		got, err := c.open(ctx, &call{method: http.MethodGet, url: c.at(path("resources", resource, "records") + "?" + q.Encode())}, nil)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = got.Body.Close() }() // it was read
		if got.StatusCode != http.StatusOK {
			yield(nil, refusal(got))
			return
		}
		lines := bufio.NewScanner(got.Body)
		lines.Buffer(nil, longestRecord)
		for lines.Scan() {
			var r retrain.Record
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				yield(nil, retrain.Errorf(retrain.MLError, "a record of %s: %w", resource, err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(nil, unanswered(c.URL, err))
		}
	}
}
