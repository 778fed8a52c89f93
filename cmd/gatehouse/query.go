package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/egress"
	"github.com/gatehouse-tre/gatehouse/infra/web"
)

func newQueryCommand() *cobra.Command {
	f := &serverFlags{}
	c := &cobra.Command{Use: "query", Short: "Look at a question before it is asked"}
	f.add(c)
	c.AddCommand(newQueryExplainCommand(f))
	return c
}

func newQueryExplainCommand(f *serverFlags) *cobra.Command {
	var workspace string
	var parameters []string
	c := &cobra.Command{
		Use:   "explain --workspace ID [FILE|-]",
		Short: "Say how the gate would judge a question, without touching data",
		Long: `Reads one SQL statement from FILE, or from standard input, and says how the gate would judge it: what is
done among people's rows and what with protected numbers alone, by which rules each number is judged, and,
of a statement that would be refused, which part is and what to do instead. It exits with 1 then. The token
must be for the workspace. EXPLAIN GATE before a SELECT says the same in a notebook.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			sql, err := statement(cmd.InOrStdin(), args)
			if err != nil {
				return err
			}
			client, err := f.client()
			if err != nil {
				return err
			}
			asked := web.Question{SQL: sql}
			for _, p := range parameters {
				asked.Parameters = append(asked.Parameters, p)
			}
			p, err := client.Explain(cmd.Context(), workspace, asked)
			if err != nil {
				return err
			}
			if err := f.show(cmd.OutOrStdout(), p, func() { printPreflight(cmd.OutOrStdout(), p) }); err != nil {
				return err
			}
			if p.Refused != nil {
				return gatehouse.Errorf(p.Refused.Code, "%s", p.Refused.Sentence).WithAdvice("%s", p.Refused.Advice)
			}
			return nil
		},
	}
	c.Flags().StringVar(&workspace, "workspace", "", "workspace in which the question would be asked")
	c.Flags().StringArrayVar(&parameters, "parameter", nil, "value of a parameter of the statement, as text; once for each, in order")
	cobra.CheckErr(c.MarkFlagRequired("workspace"))
	return c
}

// longestStatement is more than the server takes, so that it is the server who says so.
const longestStatement = 1 << 20

// statement reads the SQL of a file, or of standard input.
func statement(in io.Reader, args []string) (string, error) {
	if len(args) == 1 && args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return "", gatehouse.Errorf(gatehouse.CodeUsage, "The file %s cannot be read.", args[0]).Because(err)
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, longestStatement))
	if err != nil {
		return "", gatehouse.Errorf(gatehouse.CodeUsage, "The statement cannot be read.").Because(err)
	}
	if strings.TrimSpace(string(text)) == "" {
		return "", gatehouse.Errorf(gatehouse.CodeUsage, "There is no statement.").WithAdvice("Name a file that holds one SELECT, or give it on standard input.")
	}
	return string(text), nil
}

// printPreflight prints steps for people: what is done first stands first, and
// is indented the deeper it stands in the tree.
func printPreflight(w io.Writer, p egress.Preflight) {
	for _, s := range p.Steps {
		if s.Kind == "refused" { // said by the command's error
			fmt.Fprintf(w, "%2d  refused: %s\n", s.Step, s.What)
			continue
		}
		indent := strings.Repeat("  ", min(s.Depth, 12))
		engine := ""
		if s.Engine != "" {
			engine = " (" + s.Engine + ")"
		}
		fmt.Fprintf(w, "%2d  %s%s%s: %s\n", s.Step, indent, s.Kind, engine, s.What)
		for _, more := range []string{s.Rule, s.Note} {
			if more != "" {
				fmt.Fprintf(w, "    %s  %s\n", indent, more)
			}
		}
	}
}
