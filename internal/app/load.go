package app

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"gopkg.in/yaml.v3"

	"retrain"
)

// DefaultFile is read where neither --config nor RETRAIN_CONFIG names another.
const DefaultFile = "retrain.yaml"

// A setting of the connection can be given by flag, by environment, or in the file, in this order.
type setting struct {
	flag, env, usage string
	set              func(c *Config, v string) error
}

// The settings that flags have. Credentials have none: a command line is seen by everybody on the machine.
var settings = []setting{
	{"redis", "RETRAIN_REDIS_ADDR", "address of Redis, `HOST:PORT`", text(func(c *Config) *string { return &c.Redis.Addr })},
	{"redis-db", "RETRAIN_REDIS_DB", "number of the Redis database, `N`", func(c *Config, v string) (err error) {
		c.Redis.DB, err = strconv.Atoi(v)
		return err
	}},
	{"s3-bucket", "RETRAIN_S3_BUCKET", "the `BUCKET` for everything", text(func(c *Config) *string { return &c.S3.Bucket })},
	{"s3-prefix", "RETRAIN_S3_PREFIX", "`PREFIX` of all keys in the bucket", text(func(c *Config) *string { return &c.S3.Prefix })},
	{"s3-endpoint", "RETRAIN_S3_ENDPOINT", "`URL` of an S3 that is not AWS", text(func(c *Config) *string { return &c.S3.Endpoint })},
	{"s3-region", "RETRAIN_S3_REGION", "`REGION` of the bucket", text(func(c *Config) *string { return &c.S3.Region })},
	{"s3-path-style", "RETRAIN_S3_PATH_STYLE", "`true` where bucket names stand in the path", func(c *Config, v string) (err error) {
		c.S3.PathStyle, err = strconv.ParseBool(v)
		return err
	}},
}

// The settings that only the file and the environment have: credentials, and what nobody types.
var unflagged = []setting{
	{"", "RETRAIN_REDIS_SENTINEL_MASTER", "", func(c *Config, v string) error {
		c.sentinel().Master = v
		return nil
	}},
	{"", "RETRAIN_REDIS_SENTINEL_ADDRS", "", func(c *Config, v string) error {
		c.sentinel().Addrs = strings.Split(v, ",")
		return nil
	}},
	{"", "RETRAIN_REDIS_SENTINEL_PASSWORD", "", func(c *Config, v string) error {
		c.sentinel().Password = v
		return nil
	}},
	{"", "RETRAIN_REDIS_CLUSTER", "", func(c *Config, v string) error {
		c.Redis.Cluster = strings.Split(v, ",")
		return nil
	}},
	{"", "RETRAIN_REDIS_TLS", "", func(c *Config, v string) error {
		on, err := strconv.ParseBool(v)
		if on && c.Redis.TLS == nil {
			c.Redis.TLS = new(TLS)
		}
		return err
	}},
	{"", "RETRAIN_REDIS_USERNAME", "", text(func(c *Config) *string { return &c.Redis.Username })},
	{"", "RETRAIN_REDIS_PASSWORD", "", text(func(c *Config) *string { return &c.Redis.Password })},
	{"", "RETRAIN_S3_ACCESS_KEY_ID", "", text(func(c *Config) *string { return &c.S3.AccessKeyID })},
	{"", "RETRAIN_S3_SECRET_ACCESS_KEY", "", text(func(c *Config) *string { return &c.S3.SecretAccessKey })},
	{"", "RETRAIN_PREDICT_URL", "", text(func(c *Config) *string { return &c.PredictURL })},
}

func (c *Config) sentinel() *Sentinel {
	if c.Redis.Sentinel == nil {
		c.Redis.Sentinel = new(Sentinel)
	}
	return c.Redis.Sentinel
}

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*field(c) = v
		return nil
	}
}

// Flags returns the flags by which every program is told how to reach Redis and S3.
func Flags() []cli.Flag {
	flags := []cli.Flag{&cli.StringFlag{Name: "config", Usage: "read the configuration from `FILE` (" + DefaultFile + " where it exists)", EnvVars: []string{"RETRAIN_CONFIG"}}}
	for _, s := range settings {
		flags = append(flags, &cli.StringFlag{Name: s.flag, Usage: s.usage, EnvVars: []string{s.env}, Category: "Connection"})
	}
	return flags
}

// Load returns the configuration of a program with Flags: flags before environment before file before defaults. A file
// with credentials in it that others may read is a ModelConfigError.
func Load(ctx *cli.Context) (*Config, error) {
	c, err := LoadFile(ctx.String("config"))
	if err != nil {
		return nil, err
	}
	return c, c.overlay(ctx.String)
}

// LoadFile reads a configuration's file alone. Where no name is given and there is no DefaultFile it returns an empty one.
func LoadFile(name string) (*Config, error) {
	b, err := ReadFile(cmp.Or(name, DefaultFile))
	if err != nil {
		if name == "" && errors.Is(err, fs.ErrNotExist) {
			return new(Config), nil
		}
		if e, ok := errors.AsType[*retrain.Error](err); ok && filepath.Base(name) == "client.yaml" {
			e.Hint = "standalone writes it into its data directory when it starts: is it running, and is this the folder?"
		}
		return nil, err
	}
	name = cmp.Or(name, DefaultFile)
	c, err := Parse(name, b)
	if err != nil {
		return nil, err
	}
	return c, c.CheckSecret(name)
}

// ReadFile reads a file that a person named. What goes wrong is a ModelConfigError.
func ReadFile(name string) ([]byte, error) {
	b, err := os.ReadFile(name)
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, retrain.Errorf(retrain.ModelConfigError, "%s: %w", name, cause.Err)
	}
	return b, err
}

// CheckSecret returns a ModelConfigError where the configuration came from a file that has credentials in it and that
// others than its owner may read.
func (c *Config) CheckSecret(name string) error {
	if !c.secret() {
		return nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); info.Mode().IsRegular() && mode&0o077 != 0 {
		return retrain.Errorf(retrain.ModelConfigError, "%s has credentials in it, and others may read it (mode %#o)", name, mode).
			WithHint("chmod 600 %s", name)
	}
	return nil
}

// overlay puts what flags and environment say above the file, and the defaults below. flag returns a flag's value, which
// is the environment's where the flag is not given.
func (c *Config) overlay(flag func(name string) string) error {
	for _, s := range settings {
		if err := c.put(s, flag(s.flag)); err != nil {
			return err
		}
	}
	for _, s := range unflagged {
		if err := c.put(s, os.Getenv(s.env)); err != nil {
			return err
		}
	}
	if c.S3 == (S3{}) {
		return retrain.Errorf(retrain.ModelConfigError, "nothing says where Redis and S3 are").
			WithHint("start everything on this machine by `standalone` and name its DATA/client.yaml by --config or RETRAIN_CONFIG")
	}
	c.Redis.Addr = cmp.Or(c.Redis.Addr, "127.0.0.1:6379")
	c.S3.Bucket, c.S3.Region = cmp.Or(c.S3.Bucket, "retrain"), cmp.Or(c.S3.Region, "us-east-1")
	return nil
}

func (c *Config) put(s setting, v string) error {
	if v == "" {
		return nil
	}
	if err := s.set(c, v); err != nil {
		return retrain.Errorf(retrain.ModelConfigError, "%s: %q cannot be read", cmp.Or(s.flag, s.env), v)
	}
	return nil
}

// WriteClient writes how to reach Redis, S3 and the predictions into a file that only its owner may read: what `producer
// --config` and further workers need.
func (c *Config) WriteClient(path string) error {
	var b strings.Builder
	b.WriteString("# How to reach this Retrain. It has credentials in it: keep it to yourself.\n")
	values, err := plain(Config{Redis: c.Redis, S3: c.S3, PredictURL: c.PredictURL})
	if err != nil {
		return err
	}
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(values), e.Close()); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".client-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.WriteString(b.String())
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// plain returns a value as the maps and lists that its JSON stands for.
func plain(v any) (values any, err error) {
	b, err := json.Marshal(v)
	if err == nil {
		err = yaml.Unmarshal(b, &values) // which keeps whole numbers whole
	}
	return values, err
}
