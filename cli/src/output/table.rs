//! Tables for people: columns without lines between them, as kubectl's.

use comfy_table::{ContentArrangement, Table, presets};

/// A table with a heading; rows have as many cells. Empty cells are shown as `-`, so that columns can be counted.
pub fn table<const COLUMNS: usize>(heading: [&str; COLUMNS], rows: Vec<[String; COLUMNS]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(heading);
    table.add_rows(
        rows.into_iter().map(|row| row.map(|cell| if cell.is_empty() { "-".to_owned() } else { cell })),
    );
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![["www".to_owned(), "yes".to_owned()], ["dispatch".to_owned(), String::new()]];
        assert_eq!(table(["SERVICE", "READY"], rows), "SERVICE   READY\nwww       yes\ndispatch  -\n");
    }
}
