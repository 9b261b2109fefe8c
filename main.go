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
	Demo    demoCmd    `cmd:"" help:"Play a tour, offline: broker, cloud worker and device."`
	Serve   serveCmd   `cmd:"" help:"Run the device daemon."`
	Link    linkCmd    `cmd:"" help:"Run the process that has the brokers, for a daemon without a network."`
	Cloud   cloudCmd   `cmd:"" help:"Run a cloud worker: questions in, a large model's answers out."`
	Ask     askCmd     `cmd:"" help:"Ask the daemon one question."`
	Chat    chatCmd    `cmd:"" help:"Talk with the daemon, in a terminal or from a pipe."`
	Why     whyCmd     `cmd:"" help:"Explain an earlier answer: which path it took, and why."`
	Status  statusCmd  `cmd:"" help:"Show what the daemon is doing."`
	Doctor  doctorCmd  `cmd:"" help:"Check what can be wrong on a device, and say what to do."`
	Model   modelCmd   `cmd:"" help:"Look into model files and bundles."`
	Records recordsCmd `cmd:"" help:"Read what the daemon recorded."`
	Distill distillCmd `cmd:"" help:"Train a small model from data and a teacher; evaluate it."`
	Bench   benchCmd   `cmd:"" help:"Measure the engine beside the limits of the machine."`
	Route   routeCmd   `cmd:"" help:"Explain, calibrate and measure the router's decisions."`
	Key     keyCmd     `cmd:"" help:"Make the keys with which devices and workers seal what they send."`
	Pack    packCmd    `cmd:"" help:"Write Debian packages and signed apt repositories."`
	Version versionCmd `cmd:"" help:"Print the version."`

	Completion completionCmd `cmd:"" help:"Print what makes a shell complete commands, flags and files."`
	Man        manCmd        `cmd:"" help:"Write the manual pages."`
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
	parser, err := newParser(
		kong.UsageOnError(), kong.Writers(out, errOut),
		kong.Exit(func(code int) { exited = code }),
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

// newParser knows the commands.
func newParser(o ...kong.Option) (*kong.Kong, error) {
	return kong.New(&cli{}, append([]kong.Option{
		kong.Name("cusp"),
		kong.Description("A small language model on the device, the cloud behind it, and a receipt for every answer."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Vars{"version": version},
	}, o...)...)
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
