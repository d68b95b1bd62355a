package app_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/urfave/cli/v2"

	"retrain"
	"retrain/internal/app"
)

// load returns the configuration of a program that is started with args.
func load(t *testing.T, args ...string) (c *app.Config, err error) {
	t.Helper()
	tree := &cli.App{Flags: app.Flags(), Writer: os.Stderr, Action: func(ctx *cli.Context) error {
		c, err = app.Load(ctx)
		return nil
	}}
	if err := tree.Run(append([]string{"program"}, args...)); err != nil {
		t.Fatal(err)
	}
	return c, err
}

func TestPrecedence(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := load(t); retrain.CodeOf(err) != retrain.ModelConfigError {
		t.Errorf("nothing is said: %v", err)
	}
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if err := os.WriteFile(app.DefaultFile, []byte("s3: {bucket: here}"), 0o644); err != nil {
		t.Fatal(err)
	}
	named := write("other.yaml", `{redis: {addr: "file:1", db: 1}, s3: {bucket: file, endpoint: "http://file"}}`)
	steps := []struct {
		name string
		do   func()
		args []string
		want app.Config
	}{
		{"the default file", func() {}, nil, app.Config{Redis: app.Redis{Addr: "127.0.0.1:6379"}, S3: app.S3{Bucket: "here", Region: "us-east-1"}}},
		{"a named file", func() { t.Setenv("RETRAIN_CONFIG", named) }, nil,
			app.Config{Redis: app.Redis{Addr: "file:1", DB: 1}, S3: app.S3{Bucket: "file", Endpoint: "http://file", Region: "us-east-1"}}},
		{"environment before file", func() {
			t.Setenv("RETRAIN_S3_BUCKET", "env")
			t.Setenv("RETRAIN_REDIS_DB", "2")
			t.Setenv("RETRAIN_S3_PATH_STYLE", "true")
			t.Setenv("RETRAIN_REDIS_PASSWORD", "secret")
		}, nil, app.Config{Redis: app.Redis{Addr: "file:1", DB: 2, Password: "secret"}, S3: app.S3{Bucket: "env", Endpoint: "http://file", Region: "us-east-1", PathStyle: true}}},
		{"flag before environment", func() {}, []string{"--s3-bucket", "flag", "--redis", "flag:1"},
			app.Config{Redis: app.Redis{Addr: "flag:1", DB: 2, Password: "secret"}, S3: app.S3{Bucket: "flag", Endpoint: "http://file", Region: "us-east-1", PathStyle: true}}},
	}
	for _, step := range steps {
		step.do()
		c, err := load(t, step.args...)
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if c.S3 != step.want.S3 || c.Redis.Addr != step.want.Redis.Addr || c.Redis.DB != step.want.Redis.DB || c.Redis.Password != step.want.Redis.Password {
			t.Errorf("%s: got %+v %+v, want %+v %+v", step.name, c.Redis, c.S3, step.want.Redis, step.want.S3)
		}
	}
	t.Setenv("RETRAIN_REDIS_SENTINEL_MASTER", "main")
	t.Setenv("RETRAIN_REDIS_SENTINEL_ADDRS", "a:1,b:2")
	t.Setenv("RETRAIN_REDIS_TLS", "true")
	if c, err := load(t); err != nil || c.Redis.TLS == nil || c.Redis.Sentinel.Master != "main" || len(c.Redis.Sentinel.Addrs) != 2 {
		t.Errorf("sentinels by the environment: %+v, %v", c.Redis, err)
	}
	t.Setenv("RETRAIN_REDIS_DB", "two")
	if _, err := load(t); retrain.CodeOf(err) != retrain.ModelConfigError {
		t.Errorf("a database that is no number: %v", err)
	}
}
