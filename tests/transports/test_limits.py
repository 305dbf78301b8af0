from transports import limits


def test_a_full_batch_is_one_write() -> None:
    assert limits.BATCH_BYTES + 4 + 17 + 5 < limits.STREAM_WRITE


def test_a_write_survives_the_smallest_segments_of_the_internet() -> None:
    noise_and_yamux = 2 + 16 + 12
    assert limits.STREAM_WRITE + noise_and_yamux < 100 * 536


def test_the_largest_frame_fits_everywhere_it_goes() -> None:
    assert limits.MAX_LINK_FRAME >= 1_300_000
    assert limits.LINK_WINDOW_BYTES > limits.MAX_LINK_FRAME + limits.FRAME_COST
    assert limits.MAX_LINK_FRAME + 64 < limits.MAX_BLOB < limits.MAX_PIPE_MESSAGE


def test_a_keepalive_may_be_lost_twice_before_silence_counts() -> None:
    assert limits.SILENCE_S >= 3 * limits.KEEPALIVE_S
    assert limits.HEARTBEAT_LOST_S >= 3 * limits.HEARTBEAT_S


def test_acknowledgements_come_before_the_window_is_full() -> None:
    assert limits.ACK_BYTES * 4 <= limits.LINK_WINDOW_BYTES
    assert limits.ACK_BATCHES * limits.BATCH_BYTES * 4 <= limits.LINK_WINDOW_BYTES
    assert limits.STREAM_CREDIT // limits.BATCH_BYTES < limits.STREAM_QUEUE


def test_a_websocket_message_holds_what_is_put_into_it() -> None:
    assert limits.WS_PIECE < limits.WS_MESSAGE
    assert limits.WS_TICKET + 65 < limits.WS_MESSAGE
    assert limits.WS_PENDING_PER_HOST < limits.WS_PENDING


def test_who_reads_nothing_is_noticed_before_its_window_is_full() -> None:
    asyncios_own = 512 * 1024  # bytes it takes for a TLS connection before it pushes back
    assert limits.STREAM_CREDIT + limits.WS_UNSENT + asyncios_own < limits.LINK_WINDOW_BYTES


def test_a_window_of_a_channel_is_written_in_one_message() -> None:
    header_and_tag = 3 + 1 + 8 + 16
    frames = -(-limits.HTX_WINDOW // limits.HTX_PIECE) + 4  # key update and padding before it
    assert limits.HTX_PLAINTEXT + header_and_tag < limits.HTX_MESSAGE
    assert limits.HTX_WINDOW + frames * header_and_tag < limits.HTX_MESSAGE
    assert limits.HTX_PIECE <= limits.HTX_PLAINTEXT <= limits.HTX_WINDOW < limits.HTX_MOST_CREDIT


def test_every_member_may_dial_many_times_before_the_memory_of_tickets_is_full() -> None:
    good_for_hours = 3
    assert limits.MAX_MEMBERS * 60 * good_for_hours <= limits.TICKET_REPLAYS
    assert limits.TICKET_BURST + limits.TICKET_RATE * good_for_hours * 3_600 < limits.TICKET_REPLAYS


def test_delays_of_a_whole_path_fit_what_is_allowed_together() -> None:
    assert limits.MIX_TOTAL_DELAY_MS // limits.MIX_HOPS <= limits.MIX_DELAY_MS
