package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/pdf"
	"github.com/gatehouse-tre/gatehouse/infra/sandbox"
	"github.com/gatehouse-tre/gatehouse/infra/web/site"
)

// drawCommand is the hidden command with which this program draws a page of a PDF,
// behind the walls of the sandbox.
const drawCommand = "draw-page"

// documents draws pages of PDF documents for the review room, each in a process of
// its own.
type documents struct{ *pdf.Viewer }

var _ site.Documents = documents{}

func (e *engines) documents() (documents, error) {
	self, err := os.Executable()
	if err != nil {
		return documents{}, gatehouse.Errorf(gatehouse.CodeSandbox, "The program does not know where it stands.").Because(err)
	}
	return documents{pdf.NewViewer(e.config("gatehouse pages of documents", "", 0).Sandbox, self, drawCommand)}, nil
}

func (d documents) Draw(ctx context.Context, content []byte, page int) (site.DocumentPage, error) {
	p, err := d.Viewer.Draw(ctx, content, page)
	switch {
	case err == nil:
		return site.DocumentPage(p), nil
	case errors.Is(err, pdf.ErrPage):
		return site.DocumentPage{}, gatehouse.Errorf(gatehouse.CodeNotFound, "The document has no such page: it has %d.", p.Pages)
	case errors.Is(err, pdf.ErrTooMuch):
		return site.DocumentPage{}, gatehouse.Errorf(gatehouse.CodeUnsupported, "Drawing the page takes more time or memory than one page may.").WithAdvice("Download the document, and open it on a machine that is trusted with what it may hold.")
	case errors.Is(err, pdf.ErrDocument):
		return site.DocumentPage{}, gatehouse.Errorf(gatehouse.CodeUnsupported, "The document is damaged, encrypted or no PDF.").WithAdvice("Return it to its author.")
	case ctx.Err() != nil:
		return site.DocumentPage{}, gatehouse.Errorf(gatehouse.CodeCancelled, "The page was closed.").Because(err)
	}
	return site.DocumentPage{}, gatehouse.Errorf(gatehouse.CodeSandbox, "The process that draws pages cannot be started.").Because(err)
}

func newDrawPageCommand() *cobra.Command {
	var missing []string
	c := &cobra.Command{
		Use: drawCommand + " NUMBER", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			number, err := strconv.Atoi(args[0])
			if err != nil {
				return gatehouse.Errorf(gatehouse.CodeUsage, "A page has a number.")
			}
			walls := sandbox.Walls{Log: func(line string) { fmt.Fprintln(os.Stderr, "gatehouse:", line) }}
			for _, layer := range missing {
				walls.AllowMissing = append(walls.AllowMissing, sandbox.Layer(layer))
			}
			if err := walls.Enter(nil, nil); err != nil {
				return err
			}
			return pdf.Serve(c.Context(), c.InOrStdin(), c.OutOrStdout(), number)
		},
	}
	c.Flags().StringArrayVar(&missing, "allow-missing", nil, "sandbox layer that may be missing: development only")
	return c
}
