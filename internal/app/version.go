package app

import "runtime/debug"

// released is what the linker sets: -X retrain/internal/app.released=1.2.3. It would not set Version, which is computed.
var released string

// Version names what the program was built from: a release, or else a commit.
var Version = version()

func version() string {
	if released != "" {
		return released
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(len(s.Value), 12)]
		}
	}
	return "unknown"
}
