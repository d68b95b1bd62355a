package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"retrain/api"
)

func (p *program) keysCommand() *cli.Command {
	return &cli.Command{
		Name:      "keys",
		Usage:     "API keys: create, list, revoke",
		ArgsUsage: "create NAME | list | revoke ID",
		Description: `  producer keys create shop --role write --resource products --expires 2160h
  producer keys list
  producer keys revoke k7x2m4qa

  A key's secret is printed this one time; what is kept is its digest. Roles: read looks and asks for predictions; write also inserts,
  trains, promotes and cancels; admin also declares, disposes and hands out keys. As soon as there is a key, everybody needs one, on
  this machine too. Servers know a new key within a second, and refuse a revoked one after ten seconds at the most.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "role", Value: string(api.RoleRead), Usage: "`ROLE`: read, write or admin"},
			&cli.StringSliceFlag{Name: "resource", Usage: "only for the resource `NAME` and the models that learn from it; again for several; all by default"},
			&cli.DurationFlag{Name: "expires", DefaultText: "never", Usage: "valid for `TIME`, like 720h"},
		},
		Action: p.joined(keys, "create|list|revoke", "[NAME|ID]"),
	}
}

func keys(ctx context.Context, c *call) error {
	what, name := c.name(0), c.name(1)
	switch {
	case what == "list" && name == "":
		return c.listKeys(ctx)
	case what == "create" && name != "":
		return c.createKey(ctx, name)
	case what == "revoke" && name != "":
		return c.revokeKey(ctx, name)
	}
	return usage("keys create NAME, keys list, or keys revoke ID").hinted("producer keys --help")
}

func (c *call) createKey(ctx context.Context, name string) error {
	wish := api.NewKey{Name: name, Role: api.Role(c.flags.String("role")), Resources: c.flags.StringSlice("resource")}
	if d := c.flags.Duration("expires"); c.flags.IsSet("expires") {
		at := time.Now().Add(d).UTC().Truncate(time.Second)
		wish.ExpiresAt = &at
	}
	for _, r := range wish.Resources {
		if _, err := c.app.Catalog.Resource(ctx, r); err != nil {
			return err
		}
	}
	key, err := c.app.Keys.Create(ctx, wish, c.app.By)
	if err != nil {
		return err
	}
	c.sayf("key %s, role %s: keep the secret, it is not shown again", key.ID, key.Role)
	return c.answer(key, func(w io.Writer) { fmt.Fprintln(w, key.Secret) })
}

func (c *call) listKeys(ctx context.Context) error {
	all, err := c.app.Keys.List(ctx)
	if err != nil {
		return err
	}
	return c.answer(api.Keys{Keys: all}, func(w io.Writer) {
		if len(all) == 0 {
			c.sayf("no keys: producer keys create NAME")
			return
		}
		t := listing(w, "id", "name", "role", "resources", "created", "by", "expires")
		for _, k := range all {
			scope := strings.Join(k.Resources, ", ")
			if scope == "" {
				scope = "all"
			}
			t.AppendRow([]any{k.ID, k.Name, k.Role, scope, k.CreatedAt.Local().Format(time.DateTime), k.CreatedBy, expiry(k.ExpiresAt)})
		}
		t.Render()
	})
}

func expiry(at *time.Time) string {
	switch {
	case at == nil:
		return "never"
	case at.Before(time.Now()):
		return "has expired"
	}
	return at.Local().Format(time.DateTime)
}

func (c *call) revokeKey(ctx context.Context, id string) error {
	if err := c.app.Keys.Revoke(ctx, id); err != nil {
		return err
	}
	return c.answer(map[string]string{"revoked": id}, func(w io.Writer) { fmt.Fprintf(w, "key %s is revoked\n", id) })
}
