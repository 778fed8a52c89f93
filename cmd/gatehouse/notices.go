package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/infra/notices"
	"github.com/gatehouse-tre/gatehouse/infra/state"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// people's notices, over the installation's state.
func (in *installation) notices() *workspaces.Notices {
	return &workspaces.Notices{Store: state.Notices{DB: in.state}, Authorizer: in.policy}
}

// composeNotices makes what sends notices, as the settings say.
func (h *house) composeNotices() error {
	s := h.settings.Notices.Resolved(h.dir)
	if s.PublicURL == "" {
		s.PublicURL = h.settings.Identity.PublicURL
	}
	var err error
	h.deliverer, err = notices.New(s, state.Outbox{DB: h.state}, h.log, time.Now)
	return err
}

func newNoticesCommand() *cobra.Command {
	c := &cobra.Command{Use: "notices", Short: "What people are told by e-mail and webhook: what could not be delivered, and how each hears of it"}
	c.AddCommand(newNoticesListCommand(), newNoticesRetryCommand(), newNoticesAddressCommand(), newNoticesMineCommand(), newNoticesMailCommand())
	return c
}

// post looks after deliveries: in an installation's folder, as the owner of the
// machine, or over a server, with an operator's token.
type post interface {
	Deliveries(ctx context.Context, f workspaces.DeliveryFilter) ([]workspaces.Delivery, error)
	RetryDelivery(ctx context.Context, parcel string) error
}

type ownPost struct{ notices *workspaces.Notices }

func (p ownPost) Deliveries(ctx context.Context, f workspaces.DeliveryFilter) ([]workspaces.Delivery, error) {
	return p.notices.Deliveries(ctx, workspaces.System, f)
}

func (p ownPost) RetryDelivery(ctx context.Context, parcel string) error {
	return p.notices.Retry(ctx, workspaces.System, parcel)
}

// postFlags say where the post is.
type postFlags struct {
	serverFlags
	dir string
}

func (f *postFlags) add(c *cobra.Command) {
	f.serverFlags.add(c)
	c.Flags().StringVar(&f.dir, "dir", "", "folder of the installation, for the owner of its machine; else an operator's token and --server")
}

func (f *postFlags) with(ctx context.Context, do func(post) error) error {
	if f.dir != "" {
		l := local{dir: f.dir}
		return l.open(ctx, func(in *installation) error { return do(ownPost{in.notices()}) })
	}
	client, err := f.client()
	if err != nil {
		return err
	}
	return do(client)
}

func newNoticesListCommand() *cobra.Command {
	var f postFlags
	var filter workspaces.DeliveryFilter
	var deliveryState string
	c := &cobra.Command{
		Use: "list [--state waiting|sent|dead]", Short: "Show notices on their way, newest first", Args: cobra.NoArgs,
		Long: `Show notices on their way, newest first: to whom, over which channel, how often it was tried, and why the last
attempt failed. What is dead was tried twelve times in some three days, or was refused for good; 'gatehouse notices
retry' has it sent again.`,
		RunE: func(c *cobra.Command, _ []string) error {
			filter.State = workspaces.DeliveryState(deliveryState)
			switch filter.State {
			case "", workspaces.DeliveryWaiting, workspaces.DeliverySent, workspaces.DeliveryDead:
			default:
				return gatehouse.Errorf(gatehouse.CodeUsage, "%q is not a state of a delivery.", deliveryState)
			}
			return f.with(c.Context(), func(p post) error {
				found, err := p.Deliveries(c.Context(), filter)
				if err != nil {
					return err
				}
				out := c.OutOrStdout()
				return f.show(out, found, func() {
					for _, d := range found {
						fmt.Fprintf(out, "%-24s  %-8s %-16s %-12s %-20s %-26s %2d  %s\n", orDash(d.Parcel), d.State, d.Channel, d.Notice.To, d.Notice.Kind,
							orDash(d.Notice.Subject), d.Attempts, progress(d))
					}
				})
			})
		},
	}
	f.add(c)
	c.Flags().StringVar(&deliveryState, "state", "", "only these: waiting, sent or dead")
	c.Flags().IntVar(&filter.Limit, "limit", 100, "at most so many")
	return c
}

// progress says what became of a delivery, or becomes of it next.
func progress(d workspaces.Delivery) string {
	switch d.State {
	case workspaces.DeliverySent:
		return "sent " + d.Sent.Format(time.RFC3339)
	case workspaces.DeliveryDead:
		return "given up: " + d.Error
	}
	if d.Error != "" {
		return fmt.Sprintf("next %s; last: %s", d.Next.Format(time.RFC3339), d.Error)
	}
	return "next " + d.Next.Format(time.RFC3339)
}

func newNoticesRetryCommand() *cobra.Command {
	var f postFlags
	var all bool
	c := &cobra.Command{
		Use: "retry MESSAGE… | --all", Short: "Have messages that were given up sent again, under the ids that they had",
		RunE: func(c *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return gatehouse.Errorf(gatehouse.CodeUsage, "Name messages, or give --all.").WithAdvice("'gatehouse notices list --state dead' shows their ids.")
			}
			return f.with(c.Context(), func(p post) error {
				if all {
					dead, err := p.Deliveries(c.Context(), workspaces.DeliveryFilter{State: workspaces.DeliveryDead, Limit: 500})
					if err != nil {
						return err
					}
					seen := map[string]bool{}
					for _, d := range dead { // a digest has many deliveries
						if !seen[d.Parcel] {
							args = append(args, d.Parcel)
						}
						seen[d.Parcel] = true
					}
				}
				for _, parcel := range args {
					if err := p.RetryDelivery(c.Context(), parcel); err != nil {
						return err
					}
					fmt.Fprintf(c.OutOrStdout(), "%s is sent again.\n", parcel)
				}
				return nil
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&all, "all", false, "all that were given up, 500 at most")
	return c
}

func newNoticesAddressCommand() *cobra.Command {
	var l local
	var way string
	c := &cobra.Command{
		Use: "address --dir DIR USER [ADDRESS]", Short: "Show or set where a user's e-mail goes, as the owner of the machine; '' for nowhere", Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			return l.open(c.Context(), func(in *installation) error {
				if err := in.requireUser(c.Context(), args[0]); err != nil {
					return err
				}
				o, err := in.notices().GetOptions(c.Context(), workspaces.System, args[0])
				if err != nil {
					return err
				}
				if len(args) == 2 || way != "" {
					if len(args) == 2 {
						o.Address = args[1]
					}
					if way != "" {
						o.Mail = workspaces.Mail(way)
					}
					if err := in.notices().SetOptions(c.Context(), workspaces.System, args[0], o); err != nil {
						return err
					}
				}
				fmt.Fprintf(c.OutOrStdout(), "%s  %s  %s\n", args[0], orDash(o.Address), o.Mail)
				return nil
			})
		},
	}
	l.flags(c, "")
	c.Flags().StringVar(&way, "mail", "", "each: a message for each notice at once; daily: one a day; urgent: only what cannot wait")
	return c
}

func newNoticesMineCommand() *cobra.Command {
	var f serverFlags
	c := &cobra.Command{
		Use: "mine", Short: "Show your own notices, newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			found, err := client.Notices(c.Context())
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			return f.show(out, found, func() {
				for _, n := range found {
					fmt.Fprintf(out, "%s  %-20s %-20s %s\n", n.At.Format(time.RFC3339), n.Kind, orDash(n.Project), n.Subject)
				}
			})
		},
	}
	f.add(c)
	return c
}

func newNoticesMailCommand() *cobra.Command {
	var f serverFlags
	c := &cobra.Command{
		Use: "mail each|daily|urgent", Short: "Choose how your own notices leave by e-mail", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := f.client()
			if err != nil {
				return err
			}
			o, err := client.SetNoticeMail(c.Context(), workspaces.Mail(args[0]))
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			return f.show(out, o, func() { fmt.Fprintf(out, "%s to %s\n", o.Mail, orDash(o.Address)) })
		},
	}
	f.add(c)
	return c
}
