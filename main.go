// Command cusp runs a small language model on an edge device, asks a large one
// in the cloud when it should, and learns from that.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker (-X main.version=...) when packages are built.
var version = "0.1.0-dev"

// Exit statuses.
const (
	exitFailure = 1
	exitUsage   = 2
)

type cli struct {
	Demo    demoCmd    `cmd:"" help:"Play a tour: broker, cloud worker and device in one process, offline."`
	Serve   serveCmd   `cmd:"" help:"Run the device daemon."`
	Cloud   cloudCmd   `cmd:"" help:"Run a cloud worker: questions in over MQTT, answers of a large model out."`
	Ask     askCmd     `cmd:"" help:"Ask the daemon one question."`
	Chat    chatCmd    `cmd:"" help:"Talk with the daemon, in a terminal or line by line from a pipe."`
	Why     whyCmd     `cmd:"" help:"Explain an earlier answer: which path it took, and why."`
	Status  statusCmd  `cmd:"" help:"Show what the daemon is doing."`
	Model   modelCmd   `cmd:"" help:"Look into model files and bundles."`
	Records recordsCmd `cmd:"" help:"Read what the daemon recorded."`
	Distill distillCmd `cmd:"" help:"Train a small model from data and a teacher, and evaluate it."`
	Bench   benchCmd   `cmd:"" help:"Measure the engine, in tokens per second and as shares of the machine's limits."`
	Key     keyCmd     `cmd:"" help:"Make the keys with which devices and cloud workers seal what they send."`
	Pack    packCmd    `cmd:"" help:"Write Debian packages and signed apt repositories."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run parses the arguments and runs one command. Answers go to out, everything
// else to errOut.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends a stop that takes too long
	exited := -1
	parser, err := kong.New(&cli{},
		kong.Name("cusp"),
		kong.Description("A small language model on the device, the cloud behind it, and a receipt for every answer."),
		kong.UsageOnError(), kong.Writers(out, errOut),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"version": version},
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{in, out, errOut}),
	)
	if err != nil {
		panic(err) // the table above is wrong: a bug
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // --help was printed
		return exited
	}
	if err != nil {
		fmt.Fprintf(errOut, "cusp: %v\nTry `cusp --help`.\n", err)
		return exitUsage
	}
	return status(command.Run(), errOut)
}

// usageError is a failure that the caller mends by other arguments.
type usageError struct{ error }

func status(err error, errOut io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(errOut, "cusp: %v\n", err)
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailure
}
