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
