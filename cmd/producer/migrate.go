package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"retrain"
	"retrain/internal/app"
	"retrain/internal/migrate"
	"retrain/s3io"
)

func (p *program) migrateCommand() *cli.Command {
	return &cli.Command{
		Name:      "migrate",
		Usage:     "write a retrain.yaml for a database of s3db.js and its MLPlugin",
		ArgsUsage: "s3db s3://BUCKET/PREFIX [--plugin FILE]",
		Description: `  producer migrate s3db s3://old-bucket/databases/myapp --plugin src/ml.js
  producer migrate s3db s3://old-bucket/databases/myapp        models as the plugin stored them
  producer migrate s3db s3://old-bucket/databases/myapp --resources orders,customers -o -

The database is read where it lies and stays as it is; records are read from it from now on. --plugin is the file in which new
MLPlugin({…}) stands, or its options as JSON; it is not run. Filters and maps that are functions become expressions where they
are simple. What could not be taken over is said, and stands in the new file as a comment. Then each model's records are read as a
training would read them, and counted; nothing is stored. Where the bucket is and how it is entered says the connection, as for
every command: an address with a key in it is refused.`,
		Flags: []cli.Flag{
			&cli.PathFlag{Name: "plugin", Usage: "what MLPlugin was told, in `FILE`: JavaScript or JSON, - for stdin"},
			&cli.StringFlag{Name: "resources", Usage: "only these, as `NAME,…`, and those of the models; by default all"},
			&cli.StringFlag{Name: "passphrase-env", Usage: "the environment variable `NAME` that has the database's passphrase; without it secrets are left out"},
			&cli.BoolFlag{Name: "check", Value: true, Usage: "read each model's records, and count them; =false writes the file at once"},
			&cli.PathFlag{Name: "output", Aliases: []string{"o"}, Value: app.DefaultFile, Usage: "the new file, at `PATH`; - for stdout"},
		},
		Action: p.joined(migrateFrom, "s3db", "s3://BUCKET/PREFIX"),
	}
}

// A migrated is the answer to a migration.
type migrated struct {
	File      string            `json:"file"`
	Resources []string          `json:"resources"`
	Models    []string          `json:"models"`
	Left      []migrate.Left    `json:"left"`  // models that could not be taken over
	Notes     []migrate.Note    `json:"notes"` // what of the others could not
	Checked   []migrate.Checked `json:"checked"`
}

func migrateFrom(ctx context.Context, c *call) error {
	bucket, prefix, err := oldPlace(c.name(0), c.name(1))
	if err != nil {
		return err
	}
	output := c.flags.Path("output")
	if output == "-" && c.json() {
		return usage("-o - writes the file to stdout, where --json wants its one value")
	}
	if output != "-" {
		if err := absent(output); err != nil {
			return err
		}
	}
	plan, err := c.plan(ctx, bucket, prefix)
	if err != nil {
		return err
	}
	text, err := plan.YAML()
	if err != nil {
		return err
	}
	if _, err := app.Parse(output, []byte(text)); err != nil {
		return err
	}
	answer := migrated{File: output, Resources: []string{}, Models: []string{}, Left: append([]migrate.Left{}, plan.Left...),
		Notes: append([]migrate.Note{}, plan.Notes...), Checked: []migrate.Checked{}}
	for i := range plan.Resources {
		answer.Resources = append(answer.Resources, plan.Resources[i].Name)
	}
	for i := range plan.Models {
		answer.Models = append(answer.Models, plan.Models[i].Name)
	}
	if c.flags.Bool("check") {
		source := &s3io.S3DB{Bucket: new(s3io.Memory), Open: c.app.Named} // nothing of a dry run is kept
		answer.Checked, err = plan.Check(ctx, source, func(model string) { c.sayf("reading the records of %s", model) })
		if err != nil {
			return err
		}
	}
	if err := writeNew(output, text, c.Stdout); err != nil {
		return err
	}
	answer.tell(c)
	if output == "-" {
		return nil
	}
	return c.answer(answer, func(w io.Writer) {
		fmt.Fprintf(w, "%s written: %d resources, %d models; look at it, then: producer apply -f %s\n", output, len(answer.Resources), len(answer.Models), output)
	})
}

// oldPlace reads the address of a database.
func oldPlace(kind, address string) (bucket, prefix string, err error) {
	if kind != "s3db" {
		return "", "", usage("migrate does not know %q", kind).suggest("", kind, []string{"s3db"}, "producer migrate s3db s3://BUCKET/PREFIX")
	}
	if strings.Contains(address, "@") || strings.HasPrefix(address, "http") {
		return "", "", usage("the address is written s3://BUCKET/PREFIX, without server and key").
			hinted("the server stands in the connection: --config, RETRAIN_S3_ENDPOINT; the key in RETRAIN_S3_ACCESS_KEY_ID and RETRAIN_S3_SECRET_ACCESS_KEY")
	}
	rest, ok := strings.CutPrefix(address, "s3://")
	bucket, prefix, _ = strings.Cut(rest, "/")
	if !ok || bucket == "" {
		return "", "", usage("%q is not an address like s3://BUCKET/PREFIX", address)
	}
	return bucket, strings.Trim(prefix, "/"), nil
}

// plan reads the database and what the plugin was told.
func (c *call) plan(ctx context.Context, bucket, prefix string) (*migrate.Plan, error) {
	var plugin *migrate.Plugin
	if file := c.flags.Path("plugin"); file != "" {
		text, err := c.textOf(file)
		if err != nil {
			return nil, err
		}
		if plugin, err = migrate.ReadPlugin(file, text); err != nil {
			return nil, err
		}
	}
	whole, err := c.app.Named(ctx, bucket)
	if err != nil {
		return nil, err
	}
	db, err := migrate.Read(ctx, whole, bucket, prefix)
	if err != nil {
		return nil, err
	}
	o := migrate.Options{PassphraseEnv: c.flags.String("passphrase-env")}
	if names := c.flags.String("resources"); names != "" {
		o.Resources = strings.Split(names, ",")
	}
	return migrate.NewPlan(db, plugin, o)
}

// textOf reads a file, or stdin.
func (c *call) textOf(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(c.Stdin)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, unreadable(file, err)
	}
	return text, nil
}

// writeNew writes a file that does not exist, or to stdout.
func writeNew(path, text string, stdout io.Writer) error {
	if path == "-" {
		_, err := io.WriteString(stdout, text)
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // there are no secrets in it
	if errors.Is(err, fs.ErrExist) {
		return absent(path)
	} else if err != nil {
		return retrain.Errorf(retrain.DataValidationError, "%w", err)
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Close())
}

// tell says on stderr what was read, and what could not be taken over.
func (m *migrated) tell(c *call) {
	for _, s := range m.Checked {
		line := fmt.Sprintf("%s: %d rows of %d records", s.Model, s.Rows, s.Records)
		if len(s.Absent) > 0 {
			line += "; no record has " + strings.Join(s.Absent, ", ")
		}
		if s.Problem != "" {
			line += "; " + c.colour("it would not learn", text.FgYellow) + ": " + s.Problem
		}
		c.sayf("%s", line)
	}
	if len(m.Notes)+len(m.Left) > 0 {
		c.sayf("not taken over as it was:")
	}
	for _, l := range m.Left {
		c.sayf("  %s: %s", l.Name, l.Why)
	}
	for _, n := range m.Notes {
		c.sayf("  %s", n)
	}
}
