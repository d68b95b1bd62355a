package main

// Examples first: people read no further when they find what they came for.
const commandHelp = `{{.Name}} – {{.Usage}}

EXAMPLES
{{.Description}}

USAGE
  producer {{.Name}}{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}{{if .VisibleFlags}} [flags]{{end}}
{{if .Aliases}}
ALSO
  {{range $i, $a := .Aliases}}{{if $i}}, {{end}}{{$a}}{{end}}
{{end}}{{if .VisibleFlags}}
FLAGS
{{range .VisibleFlags}}  {{.}}
{{end}}{{end}}
Flags of every command (--json, --quiet, --config …): producer --help
`

const programHelp = `{{.Name}} – {{.Usage}}

EXAMPLES
  producer apply -f retrain.yaml              declare resources and models
  producer insert products day1.csv           store records; trainings start when enough have come
  producer train price --wait                 train now, and see how it goes
  producer predict price --features '{"cost": 100, "demand": 5}'
  producer status --watch                     what trains, what answers, when the next training is due

USAGE
  producer COMMAND [NAMES] [flags]

COMMANDS
{{range .VisibleCommands}}  {{printf "%-11s" .Name}} {{.Usage}}
{{end}}
FLAGS
{{range .VisibleFlags}}  {{.}}
{{end}}
Flags go before the environment, the environment before the file. Credentials come from the environment
(RETRAIN_S3_ACCESS_KEY_ID, RETRAIN_S3_SECRET_ACCESS_KEY, RETRAIN_REDIS_PASSWORD), from the AWS chain, or from a file that
nobody else can read.
`
